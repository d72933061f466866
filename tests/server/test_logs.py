"""The log: what happens to it happens to nothing else."""

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from ostler.server.logs import Patient, configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


class Disk(io.StringIO):
    """A file on a disk that is full at times."""

    def __init__(self, *, full: bool = False) -> None:
        super().__init__()
        self.full = full

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_a_line_is_json_unless_somebody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure_logging("info")

    structlog.get_logger().info("something_happened", node_id="mi-1")
    structlog.get_logger().debug("something_small_happened")

    [line] = written.getvalue().splitlines()
    assert "something_happened" == json.loads(line)["event"]


class Closed(io.StringIO):
    """What Python says of a stream that was closed."""

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        raise ValueError("I/O operation on closed file.")


@pytest.mark.parametrize("broken", [Closed(), Disk(full=True), None])
def test_a_log_that_cannot_be_written_fails_nobody(
    broken: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", broken)
    configure_logging("info")

    structlog.get_logger().info("something_happened")
    try:
        raise LookupError
    except LookupError:
        structlog.get_logger().exception("something_failed")


def test_how_much_is_missing_is_said_once_there_is_room_again() -> None:
    disk = Disk()
    log = Patient(disk)

    disk.full = True
    log.write("one\n")
    log.write("two\n")
    disk.full = False
    log.write("three\n")
    log.write("four\n")

    said = ["2 lines of the log could not be written", "three", "four"]
    assert said == disk.getvalue().splitlines()
