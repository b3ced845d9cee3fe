"""Roles killed, servers cut off and restarted while scans stream in: nothing lost, nothing twice, nothing wrong."""
