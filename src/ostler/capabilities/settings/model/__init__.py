"""The nouns of settings and of sharing, and their rules."""
