"""The lines to the server: the control channel, and polling where that is refused."""
