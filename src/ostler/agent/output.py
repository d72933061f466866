"""Output: what steps write, kept in files of bounded size, the oldest given up for the newest."""

import hashlib
import logging
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from ostler.wire.agent.jobs import STANDARD_OUTPUT_LIMIT

STREAMS = ("stdout", "stderr")
BUDGET = 200 * 1024 * 1024
LARGEST = 32 * 1024 * 1024
"""The most bytes that are kept of all steps together, and of one stream of one step."""
MOST_JOBS = 1000
"""Files take room besides what is in them; and there are only so many of them on a disk."""
_HEAD = 4 * STANDARD_OUTPUT_LIMIT + 16
_LABEL = "label.json"

log = logging.getLogger(__name__)


class Label(Struct, frozen=True):
    """Whose output a folder holds, and whether there is more to come."""

    command: str
    step: str
    ended: bool = False


def file_name(name: str) -> str:
    """What a job or a step is called on disk: names from documents are nobody's paths."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Ring:
    """The folder in which steps work and write, and how much of it is left."""

    def __init__(self, path: Path, *, budget: int = BUDGET, largest: int = LARGEST) -> None:
        self._path = path
        self.budget = budget
        self.largest = largest
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._busy: set[str] = set()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in sorted(path.iterdir(), key=lambda entry: entry.stat().st_mtime):
            self._sizes[folder.name] = _size(folder)
        self._used = sum(self._sizes.values())

    @property
    def used(self) -> int:
        """How many bytes there are."""
        return self._used

    def folder(self, job: str) -> Path:
        """Where a job works."""
        return self._path / file_name(job)

    def begin(self, job: str) -> None:
        """Make the folder of a job that is at work; it stays until the job is over."""
        name = file_name(job)
        self._busy.add(name)
        self._sizes.setdefault(name, 0)
        self._sizes.move_to_end(name)
        (self._path / name).mkdir(mode=0o700, exist_ok=True)

    def end(self, job: str) -> None:
        """The job is over: its folder may be given up when the room is needed."""
        name = file_name(job)
        self._busy.discard(name)
        if name in self._sizes:
            # Programs put more there than their output.
            size = _size(self._path / name)
            self._used += size - self._sizes[name]
            self._sizes[name] = size
            self._sizes.move_to_end(name)
        self._make_room(0)

    def grant(self, job: str, wanted: int) -> int:
        """How many more bytes a job may write now, counted as written."""
        self._make_room(wanted)
        granted = max(0, min(wanted, self.budget - self._used))
        name = file_name(job)
        self._sizes[name] = self._sizes.get(name, 0) + granted
        self._used += granted
        return granted

    def labels(self) -> Iterator[tuple[Path, Label]]:
        """The folders of all steps whose output is complete."""
        for path in sorted(self._path.glob(f"*/**/{_LABEL}")):
            with suppress(OSError, msgspec.MsgspecError):
                label = msgspec.json.decode(path.read_bytes(), type=Label)
                if label.ended:
                    yield path.parent, label

    def _make_room(self, wanted: int) -> None:
        if self._used + wanted <= self.budget and len(self._sizes) <= MOST_JOBS:
            return
        for name in [name for name in self._sizes if name not in self._busy]:
            if self._used + wanted <= self.budget and len(self._sizes) <= MOST_JOBS:
                return
            self._used -= self._sizes.pop(name)
            shutil.rmtree(self._path / name, ignore_errors=True)
            log.info("output_given_up folder=%s", name)


class StepOutput:
    """Both streams of one step. What was written before a reboot is the beginning."""

    def __init__(
        self,
        ring: Ring,
        job: str,
        folder: Path,
        label: Label,
        grew: Callable[[str, int], None] = lambda stream, size: None,
    ) -> None:
        self._ring = ring
        self._job = job
        self._folder = folder
        self._label = label
        self._grew = grew
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write_label(label)
        self._files = {stream: (folder / stream).open("ab", buffering=0) for stream in STREAMS}
        self._sizes = {stream: (folder / stream).stat().st_size for stream in STREAMS}
        self._heads = {stream: bytearray(_first_bytes(folder / stream)) for stream in STREAMS}
        self._lost = dict.fromkeys(STREAMS, 0)
        self._closed = False

    def write(self, stream: str, data: bytes) -> None:
        """Keep what a program wrote, as far as there is room for it."""
        if self._closed:
            return
        head = self._heads[stream]
        if len(head) < _HEAD and not self._lost[stream]:
            head += data[: _HEAD - len(head)]
        kept = self._keep(stream, data) if not self._lost[stream] else 0
        self._lost[stream] += len(data) - kept
        if kept:
            self._grew(stream, self._sizes[stream])

    def say(self, stream: str, words: str) -> None:
        """Add a text of our own."""
        self.write(stream, words.encode("utf-8", "replace"))

    def head(self, stream: str) -> str:
        """The beginning, as far as a reply may need it."""
        head = bytes(self._heads[stream])
        text = head.decode("utf-8", "replace")
        if len(head) >= _HEAD:
            text = text.rstrip("\ufffd")
        return text.replace("\0", "\ufffd")

    def size(self, stream: str) -> int:
        """How many bytes are kept."""
        return self._sizes[stream]

    def close(self, *, ended: bool = True) -> None:
        """Nothing will be added any more, or not by this agent."""
        for stream, lost in self._lost.items():
            if lost:
                note = f"\n--{lost} more bytes were not kept: this is all there was room for--\n"
                self._append(stream, note.encode())
                self._grew(stream, self._sizes[stream])
        self._closed = True
        for file in self._files.values():
            file.close()
        self._write_label(Label(self._label.command, self._label.step, ended))

    def _keep(self, stream: str, data: bytes) -> int:
        room = max(0, self._ring.largest - self._sizes[stream])
        granted = self._ring.grant(self._job, min(len(data), room))
        return self._append(stream, data[:granted])

    def _append(self, stream: str, data: bytes) -> int:
        try:
            written = self._files[stream].write(data) if data else 0
        except OSError as fault:
            log.warning("output_not_written fault=%s", fault)
            return 0
        self._sizes[stream] += written
        return written

    def _write_label(self, label: Label) -> None:
        with suppress(OSError):
            (self._folder / _LABEL).write_bytes(msgspec.json.encode(label))


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _size(path: Path) -> int:
    """What a folder takes of the disk."""
    total = 0
    for entry in path.rglob("*"):
        with suppress(OSError):
            total += entry.lstat().st_blocks * 512
    return total
