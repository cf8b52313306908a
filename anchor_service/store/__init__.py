"""What is stored, each function in its caller's transaction."""
