"""The capabilities: one package each, all of the same shape."""
