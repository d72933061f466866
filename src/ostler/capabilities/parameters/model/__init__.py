"""The nouns of Parameter Store and their rules."""
