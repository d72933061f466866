"""Where settings and resource policies are kept."""
