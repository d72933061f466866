"""The agent: one process on a node that only ever dials out."""
