"""The web console and its read API (not built yet)."""
