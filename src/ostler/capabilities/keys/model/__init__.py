"""The nouns of keys and their rules."""
