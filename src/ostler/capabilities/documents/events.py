"""What happened to documents."""

from ostler.foundation.events import Event


class DocumentChanged(Event, frozen=True):
    """The document is new, has a new version, or another one is its default."""

    name: str
    default_version: str
    latest_version: str


class PackageConfigured(Event, frozen=True):
    """A node installed or removed a package, or tried to: a result of 0 is success."""

    node: str
    package: str
    version: str
    previous_version: str
    operation: str
    result: int


class DocumentDeleted(Event, frozen=True):
    """The document is no more."""

    name: str
