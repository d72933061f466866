"""What can be done with settings and resource policies."""
