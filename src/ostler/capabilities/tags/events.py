"""What happened to tags."""

from ostler.foundation.events import Event


class TagsChanged(Event, frozen=True):
    """A resource carries other tags than before; tag targets and tag conditions may differ."""

    kind: str
    id: str
