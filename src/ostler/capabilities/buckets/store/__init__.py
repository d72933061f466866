"""Tables and queries of buckets."""
