"""The deeds of notifications: what customers ask, and how subscribers are told."""
