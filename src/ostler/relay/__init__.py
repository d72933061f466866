"""The agents' door: their channels, and what waits for them."""
