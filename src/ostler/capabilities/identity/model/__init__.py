"""The nouns of identity: who there is, what policies are shipped, what a session carries."""
