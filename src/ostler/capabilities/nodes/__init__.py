"""Nodes: hybrid activations, and the fleet of machines that registered with one."""
