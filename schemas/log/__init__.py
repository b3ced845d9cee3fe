"""Kafka's log a record batch at a time: read and written as columns, no record an object of its own."""
