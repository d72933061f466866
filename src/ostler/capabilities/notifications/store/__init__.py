"""How notifications are kept."""
