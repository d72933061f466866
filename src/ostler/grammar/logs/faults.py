"""What can be wrong with a filter pattern."""


class PatternFault(Exception):
    """The pattern is none that is known here; the text says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
