"""The agent: one process on a node that only ever dials out."""

VERSION = "0.1.0"
"""What the agent calls itself to the server; the package's version, as a test makes sure."""
NAME = "ostler-agent"
