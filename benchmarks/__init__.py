"""How fast, measured the same way each time."""
