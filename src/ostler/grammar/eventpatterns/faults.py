"""What can be wrong with a pattern, and with matching it."""


class PatternFault(Exception):
    """The text is no pattern; the message says why, in Event Ruler's words where it has some."""


class TooCostly(Exception):
    """Pattern and event together are too much work."""
