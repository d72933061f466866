"""The journal's disk in a simulation: it fills up, and forgets what it did not promise to keep."""

import errno
from dataclasses import dataclass
from random import Random

from tests.simulation.loop import Life


@dataclass(slots=True)
class _File:
    """What a file holds; after a loss of power, the part behind `safe` may be gone."""

    content: bytes = b""
    safe: int = 0


class Platter:
    """What the disk holds, whoever uses it."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.files: dict[str, _File] = {}
        self.removed: dict[str, _File] = {}
        """Files that are gone, but whose names may come back."""
        self.full = False
        self.fatal_append: int | None = None
        """After so many appends the machine dies in the middle of one."""

    def lose_power(self) -> None:
        """What was promised stays; of the rest nobody knows."""
        for name, file in self.removed.items():
            if name not in self.files and self._chance.random() < 0.5:
                self.files[name] = file
        self.removed.clear()
        for file in self.files.values():
            end = self._chance.randint(file.safe, len(file.content))
            file.content, file.safe = file.content[:end], end
        self.files = {name: file for name, file in self.files.items() if file.content}

    def append(self, name: str, content: bytes, *, durable: bool) -> None:
        fresh = name not in self.files
        file = self.files.setdefault(name, _File())
        file.content += content
        if durable:
            file.safe = len(file.content)
            if fresh:
                self.removed.clear()

    def promises(self, text: bytes) -> bool:
        """Whether some file will say that even after a loss of power."""
        return any(text in file.content[: file.safe] for file in self.files.values())

    def append_partly(self, name: str, content: bytes) -> None:
        """The power goes while this is written."""
        kept = self._chance.randint(0, len(content))
        self.append(name, content[:kept], durable=False)


class Mounted:
    """The Disk of one agent's life: when that is over, it writes nothing any more."""

    def __init__(self, platter: Platter, life: Life) -> None:
        self._platter = platter
        self._life = life

    def names(self) -> list[str]:
        return sorted(self._platter.files)

    def read(self, name: str) -> bytes:
        file = self._platter.files.get(name)
        return file.content if file is not None else b""

    def append(self, name: str, content: bytes, *, durable: bool = True) -> None:
        self._check()
        platter = self._platter
        if platter.fatal_append is not None:
            platter.fatal_append -= 1
            if platter.fatal_append <= 0:
                platter.fatal_append = None
                platter.append_partly(name, content)
                self._life.die_here()
        platter.append(name, content, durable=durable)

    def replace(self, name: str, content: bytes) -> None:
        self._check()
        self._platter.files[name] = _File(content, len(content))
        self._platter.removed.clear()

    def cut(self, name: str, size: int) -> None:
        if not self._life.alive:
            self._life.die_here()
        file = self._platter.files[name]
        self._platter.files[name] = _File(file.content[:size], size)

    def remove(self, name: str) -> None:
        if not self._life.alive:
            self._life.die_here()
        file = self._platter.files.pop(name, None)
        if file is not None:
            self._platter.removed[name] = file

    def _check(self) -> None:
        if not self._life.alive:
            self._life.die_here()
        if self._platter.full:
            raise OSError(errno.ENOSPC, "No space left on device")
