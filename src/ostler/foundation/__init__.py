"""What every capability stands on: one noun per module."""
