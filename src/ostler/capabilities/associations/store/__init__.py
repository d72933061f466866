"""State Manager as it is kept."""
