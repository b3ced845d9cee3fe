"""Everything that puts scans in: the networks' mappings, admission, file import."""
