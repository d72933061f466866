"""Seeded ids: as random as the real ones look, and the same every time."""

import base64
import uuid
from random import Random


class SeededIds:
    """Ids from a source of chance that can be had again."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def hex(self, digits: int) -> str:
        return f"{self._chance.getrandbits(4 * digits):0{digits}x}"

    def token(self, size: int = 32) -> str:
        return base64.urlsafe_b64encode(self._chance.randbytes(size)).rstrip(b"=").decode()
