"""What an operator asks first: what burns, what is late and who has it, and the official figures."""
