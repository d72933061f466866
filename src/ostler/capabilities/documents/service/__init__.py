"""What can be done with documents."""
