"""A waybill's timeline: the set of its distinct scans, packed and sorted in one bytes value."""
