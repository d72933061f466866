"""What can be done with keys."""
