"""The deeds of the fleet: making activations, registering, hearing, listing, letting go."""
