"""Tables and queries of logs."""
