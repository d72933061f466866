"""The customers' door: API calls of users and agents in, answers out."""
