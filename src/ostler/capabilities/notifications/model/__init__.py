"""The nouns of notifications: topics, subscriptions, messages."""
