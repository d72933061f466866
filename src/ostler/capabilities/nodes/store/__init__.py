"""What the fleet keeps: activations, nodes with their keys and facts, and who was deregistered."""
