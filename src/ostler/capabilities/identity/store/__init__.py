"""What identity keeps, and how it is found again."""
