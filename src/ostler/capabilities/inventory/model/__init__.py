"""The nouns of inventory."""
