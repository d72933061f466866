"""What happens to buckets by itself: blobs without a name are taken away."""

from ostler.capabilities.buckets.service import Contents
from ostler.foundation.timers import Due


class Cleaner:
    """Takes away what no object has any more."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def discard(self, due: Due) -> None:
        """Delete the blobs; again, if a crash came in between."""
        await self._contents.take_away(due.payload["blobs"])
