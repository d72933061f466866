"""What can be done with parameters."""
