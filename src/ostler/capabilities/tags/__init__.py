"""Tags: keys and values on resources of every kind."""
