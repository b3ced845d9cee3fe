"""The chain as separate processes against real servers."""
