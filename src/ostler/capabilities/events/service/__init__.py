"""The deeds of events: what customers ask, and what happens by itself."""
