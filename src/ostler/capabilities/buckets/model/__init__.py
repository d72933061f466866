"""Buckets, objects and uploads: what they are, and the rules for them."""
