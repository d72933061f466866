"""The nouns of the fleet: activations, nodes, their keys, filters and summaries."""
