"""What is wrong with a policy, in a sentence for the person who wrote it."""


class PolicyFault(ValueError):
    """The document is not a policy."""
