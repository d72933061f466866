"""What is wrong with a document, or with what it was given."""


class DocumentFault(Exception):
    """The document cannot be accepted; `code` is the error's name on the wire."""

    def __init__(self, message: str, code: str = "InvalidDocumentContent") -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ParameterFault(Exception):
    """The values given to a document's parameters do not fit their declarations."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PreconditionFault(Exception):
    """A step's precondition cannot be understood: the step fails."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def at(path: str, message: str) -> DocumentFault:
    """A fault of the document's shape, in the form in which AWS reports them."""
    return DocumentFault(f'[message: "{message}" - parent node: {path or "/"}]')
