"""Run Command: orders to many nodes at once, and what became of each."""
