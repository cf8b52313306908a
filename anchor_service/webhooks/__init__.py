"""What is told to others, until they have taken it."""
