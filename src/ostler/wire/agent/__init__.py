"""What agents and server say to each other over the channels."""
