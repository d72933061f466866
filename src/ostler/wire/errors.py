"""What can be wrong with a request before anybody has looked at what it asks for."""


class WireFault(Exception):
    """The request cannot be understood; the subclass's name is the wire code."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        """The fault's name on the wire."""
        return type(self).__name__


class SerializationException(WireFault):
    """The body, the path or a header is not of the kind that the operation's input declares."""


class ValidationException(WireFault):
    """The input breaks constraints of the model; the message names them all."""


class UnknownOperationException(WireFault):
    """No served model has the operation that the request names."""


UnknownOperation = UnknownOperationException
