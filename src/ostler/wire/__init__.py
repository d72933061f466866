"""Bytes to values and back: pure, shared by server, agent and CLI."""
