"""Contracts: records, wire format, topics, vocabulary and reference data. Imports nobody."""
