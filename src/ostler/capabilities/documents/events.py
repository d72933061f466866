"""What happened to documents."""

from ostler.foundation.events import Event


class DocumentChanged(Event, frozen=True):
    """The document is new, has a new version, or another one is its default."""

    name: str
    default_version: str
    latest_version: str


class DocumentDeleted(Event, frozen=True):
    """The document is no more."""

    name: str
