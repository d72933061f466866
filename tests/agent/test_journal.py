"""The journal: whatever moment the power fails, what it says afterwards is what had happened."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ostler.agent.disk import RealDisk
from ostler.agent.host import Leader
from ostler.agent.journal import (
    KEPT_FOR,
    Cancelled,
    Closed,
    Ended,
    Entry,
    Journal,
    RebootAsked,
    Record,
    Running,
    Started,
    Told,
)
from ostler.agent.outcomes import Outcome
from ostler.foundation.clock import ManualClock
from ostler.wire.agent.jobs import Job, ReplyStatus
from tests.agent.server import a_job, a_step

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FINE = Outcome(ReplyStatus.SUCCESS, 0, "out", "err", None, NOW, NOW)
JOB = a_job(a_step("echo hello"), a_step("echo again", name="two"))
FILE = "job"


class MemoryDisk:
    """A disk of bytes, which a test can cut off wherever it likes."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = dict(files or {})

    def names(self) -> list[str]:
        return sorted(self.files)

    def read(self, name: str) -> bytes:
        return self.files.get(name, b"")

    def append(self, name: str, content: bytes, *, durable: bool = True) -> None:
        self.files[name] = self.files.get(name, b"") + content

    def replace(self, name: str, content: bytes) -> None:
        self.files[name] = content

    def cut(self, name: str, size: int) -> None:
        self.files[name] = self.files[name][:size]

    def remove(self, name: str) -> None:
        self.files.pop(name, None)


def the_file(disk: MemoryDisk) -> str:
    [name] = [name for name in disk.files if name != "finished"]
    return name


def replayed(files: dict[str, bytes]) -> list[Entry]:
    return Journal(MemoryDisk(files), ManualClock()).open()


def state(entry: Entry) -> tuple[object, ...]:
    return (
        entry.begun,
        entry.ended,
        entry.leaders,
        entry.cancelled,
        entry.closed,
        entry.told,
        entry.events,
    )


steps = some.integers(min_value=0, max_value=2)
replies = some.sampled_from("abcdef")
records: some.SearchStrategy[Record] = some.one_of(
    some.builds(Started, steps, some.just(NOW)),
    some.builds(Running, steps, some.just(Leader(7, "1", "boot"))),
    some.builds(Ended, steps, some.just(FINE), replies),
    some.builds(RebootAsked, steps, some.just(FINE), replies, replies),
    some.just(Cancelled()),
    some.builds(Told, replies),
)


@settings(max_examples=60, deadline=None)
@given(some.lists(records, max_size=8), some.data())
def test_after_a_crash_at_any_byte_the_whole_lines_count(
    written: list[Record], data: some.DataObject
) -> None:
    """The state after every record is known; a file cut anywhere gives one of these states."""
    disk = MemoryDisk()
    entry = Journal(disk, ManualClock()).accept(JOB)
    name = the_file(disk)
    lengths, states = [len(disk.files[name])], [state(replayed(disk.files)[0])]
    for record in written:
        entry.write(record)
        lengths.append(len(disk.files[name]))
        states.append(state(replayed(disk.files)[0]))

    cut = data.draw(some.integers(min_value=0, max_value=lengths[-1]))
    left = MemoryDisk({name: disk.files[name][:cut]})
    entries = Journal(left, ManualClock()).open()

    whole = sum(1 for length in lengths if length <= cut)
    if whole == 0:
        assert [] == entries
        return
    assert states[whole - 1] == state(entries[0])
    # What is added now stands on a line of its own.
    entries[0].write(Cancelled())
    assert replayed(left.files)[0].cancelled
    assert states[whole - 1][:2] == state(replayed(left.files)[0])[:2]


@given(some.binary(max_size=400))
def test_garbage_is_no_job(content: bytes) -> None:
    assert [] == replayed({FILE: content})


def test_a_broken_line_in_the_middle_damages_the_job(tmp_path: Path) -> None:
    """What it said is lost: perhaps that a step began. Nothing more is begun then."""
    disk = MemoryDisk()
    entry = Journal(disk, ManualClock()).accept(JOB)
    entry.write(Started(0, NOW))
    entry.write(Ended(0, FINE, "a"))
    content = bytearray(disk.files[the_file(disk)])
    content[content.index(b"Started")] ^= 1

    [read] = replayed({FILE: bytes(content)})

    assert read.damaged
    assert {0} == read.begun


def test_a_finished_job_is_forgotten_but_for_its_id() -> None:
    disk, clock = MemoryDisk(), ManualClock()
    journal = Journal(disk, clock)
    entry = journal.accept(JOB)
    entry.write(Ended(0, FINE, "a"))
    entry.write(Closed(ReplyStatus.SUCCESS, "b"))
    entry.write(Told("a"))
    assert not entry.finished
    entry.write(Told("b"))

    assert ["finished"] == disk.names()
    again = Journal(disk, clock)
    assert [] == again.open()
    assert again.knows(entry.command)


def test_ids_of_finished_jobs_are_kept_for_a_month_and_not_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ostler.agent.journal.KEPT_MOST", 10)
    disk, clock = MemoryDisk(), ManualClock()
    journal = Journal(disk, clock)
    for number in range(25):
        finish(journal, f"c{number}")
    assert not journal.knows("c0")
    assert journal.knows("c24")
    assert disk.read("finished").count(b"\n") <= 20

    later = ManualClock(clock.now() + KEPT_FOR + timedelta(seconds=1))
    again = Journal(disk, later)
    again.open()
    assert not again.knows("c24")


def test_a_crash_between_finishing_and_removing_finishes_again() -> None:
    disk = MemoryDisk()
    journal = Journal(disk, ManualClock())
    entry = journal.accept(JOB)
    entry.write(Closed(ReplyStatus.SUCCESS, "b"))
    name = the_file(disk)
    before = disk.files[name]
    entry.write(Told("b"))
    disk.files[name] = before  # the removal was lost

    again = Journal(disk, ManualClock())

    assert [] == again.open()
    assert ["finished"] == disk.names()
    assert again.knows(entry.command)


def test_a_full_disk_refuses_a_step_and_loses_no_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = MemoryDisk()
    entry = Journal(disk, ManualClock()).accept(JOB)

    monkeypatch.setattr(disk, "append", no_room)
    with pytest.raises(OSError, match="No space"):
        entry.write(Started(0, NOW))
    entry.write(Ended(1, FINE, "a"))

    assert (set(), {1}) == (entry.begun - {1}, set(entry.ended))


def test_a_full_disk_keeps_nobody_from_hearing_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over stays known, and the next agent puts it among the finished."""
    disk = MemoryDisk()
    journal = Journal(disk, ManualClock())
    entry = journal.accept(JOB)
    entry.write(Closed(ReplyStatus.SUCCESS, "b"))
    entry.write(Told("another's"))
    with monkeypatch.context() as full:
        full.setattr(disk, "append", no_room)
        entry.write(Told("b"))
    assert journal.knows(entry.command)
    assert ["b"] == [event.reply for event in replayed(disk.files)[0].events]


def test_half_a_line_among_the_finished_spoils_no_later_one() -> None:
    disk = MemoryDisk()
    finish(Journal(disk, ManualClock()), "c1")
    disk.files["finished"] += b'0badc0de ["c2", '

    journal = Journal(disk, ManualClock())
    journal.open()
    finish(journal, "c3")

    again = Journal(disk, ManualClock())
    again.open()
    assert [True, False, True] == [again.knows(command) for command in ("c1", "c2", "c3")]


def test_the_real_disk_appends_replaces_and_removes(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path / "journal")
    disk.append("one", b"a")
    disk.append("one", b"b", durable=False)
    disk.replace("two", b"cd")
    disk.cut("two", 1)

    assert (["one", "two"], b"ab", b"c") == (disk.names(), disk.read("one"), disk.read("two"))
    disk.remove("one")
    disk.remove("one")
    assert (["two"], b"") == (disk.names(), disk.read("one"))
    assert 0o600 == (tmp_path / "journal" / "two").stat().st_mode & 0o777


def no_room(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def finish(journal: Journal, command: str) -> None:
    job = Job(f"aws.ssm.{command}.mi-1", JOB.topic, JOB.content)
    entry = journal.accept(job)
    entry.write(Closed(ReplyStatus.SUCCESS, "b"))
    entry.write(Told("b"))
