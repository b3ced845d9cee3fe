"""The compose stack held against the code; no container engine is needed."""
