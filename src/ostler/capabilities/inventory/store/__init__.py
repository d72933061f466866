"""The tables of inventory, and what is asked of them."""
