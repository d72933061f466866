"""What is wrong with a schedule."""


class ScheduleFault(Exception):
    """A schedule that its dialect does not know, in words for whoever wrote it."""
