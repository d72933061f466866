"""Where parameters are kept."""
