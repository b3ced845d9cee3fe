"""What is promised, for those who answer for it."""
