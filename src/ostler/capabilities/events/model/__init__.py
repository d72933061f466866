"""The nouns of events: buses, rules, targets, envelopes, and the webhooks behind them."""
