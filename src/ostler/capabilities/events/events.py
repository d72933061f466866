"""What customers say happened."""

from datetime import datetime

from ostler.foundation.events import Announcement


class EventPut(Announcement, frozen=True, kw_only=True):
    """A customer put an event on a bus; `id` is what the customer was told."""

    id: str
    bus: str
    time: datetime
