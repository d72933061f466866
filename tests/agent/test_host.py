"""What plugins rely on of a machine: the real one and the fake do the same."""

import asyncio
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from ostler.agent.host import Host, HostFault, Leader, Process, Program
from ostler.agent.host.linux import LinuxHost
from ostler.agent.host.processes import DRAIN, start_mark
from ostler.agent.supervision import GRACE, Cause, Exit, Stop, supervise
from ostler.foundation.clock import ManualClock
from tests.support.host import FakeHost

HOUR = timedelta(hours=1)
Make = Callable[[ManualClock], Host]


class Heard:
    """A sink that remembers, and tells when something came."""

    def __init__(self) -> None:
        self.said = {"stdout": b"", "stderr": b""}
        self.something = asyncio.Event()

    def __call__(self, stream: str, data: bytes) -> None:
        self.said[stream] += data
        self.something.set()


@pytest.fixture(params=["linux", "fake"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def make(clock: ManualClock) -> Host:
        host: Host = LinuxHost(clock) if request.param == "linux" else FakeHost(clock)
        host.make_folder(tmp_path / "work")
        return host

    return make


def begin(host: Host, folder: Path, script: str, heard: Heard) -> Process:
    host.write(folder / "script", script.encode())
    return host.start(Program(["sh", str(folder / "script")], folder), heard)


async def test_a_program_writes_to_both_streams_and_has_an_exit_code(
    make: Make, tmp_path: Path
) -> None:
    host, heard = make(ManualClock()), Heard()

    process = begin(host, tmp_path / "work", "echo here\necho there >&2\nexit 3", heard)

    assert 3 == await process.ended()
    assert {"stdout": b"here\n", "stderr": b"there\n"} == heard.said


async def test_a_program_that_a_signal_ended_has_minus_its_number(
    make: Make, tmp_path: Path
) -> None:
    host = make(ManualClock())

    process = begin(host, tmp_path / "work", "kill -9 $$", Heard())

    assert -9 == await process.ended()


async def test_a_program_runs_in_its_folder_with_its_variables(make: Make, tmp_path: Path) -> None:
    host, heard = make(ManualClock()), Heard()
    host.write(tmp_path / "work" / "script", b"pwd\necho ${COLOUR}")
    arguments = ["sh", str(tmp_path / "work" / "script")]

    process = host.start(Program(arguments, tmp_path / "work", {"COLOUR": "red"}), heard)
    await process.ended()

    assert f"{tmp_path / 'work'}\nred\n".encode() == heard.said["stdout"]


def test_a_folder_that_is_missing_is_a_fault(make: Make, tmp_path: Path) -> None:
    async def start() -> None:
        host = make(ManualClock())
        with pytest.raises(HostFault, match="did not start"):
            host.start(Program(["sh", "-c", "true"], tmp_path / "nowhere"), Heard())

    asyncio.run(start())


async def test_a_program_that_takes_too_long_is_ended(make: Make, tmp_path: Path) -> None:
    clock, heard = ManualClock(), Heard()
    process = begin(make(clock), tmp_path / "work", "echo begun\nsleep 5000", heard)
    watching = asyncio.ensure_future(supervise(process, clock, limit=HOUR, stop=Stop()))
    await heard.something.wait()

    await clock.advance(HOUR)

    assert Cause.TIME is (await watching).cause


async def test_a_program_that_is_deaf_to_term_is_killed_after_a_grace(
    make: Make, tmp_path: Path
) -> None:
    clock, heard, stop = ManualClock(), Heard(), Stop()
    script = "trap '' TERM\necho begun\nsleep 5000\nsleep 5000"
    process = begin(make(clock), tmp_path / "work", script, heard)
    watching = asyncio.ensure_future(supervise(process, clock, limit=HOUR, stop=stop))
    await heard.something.wait()

    stop.cancel()
    await clock.advance(timedelta(0))
    assert not watching.done()
    await clock.advance(GRACE)

    assert Exit(-9, Cause.CANCELLED) == await watching


async def test_what_a_program_leaves_behind_is_not_waited_for_long(
    make: Make, tmp_path: Path
) -> None:
    """A step that starts a service ends all the same, though the service holds its streams."""
    clock, heard = ManualClock(), Heard()
    process = begin(make(clock), tmp_path / "work", "sleep 30 &\necho begun", heard)
    ended = asyncio.ensure_future(process.ended())
    await heard.something.wait()

    while not ended.done():
        await clock.advance(DRAIN)

    assert 0 == ended.result()


async def test_a_file_has_its_name_only_when_it_is_kept(make: Make, tmp_path: Path) -> None:
    host = make(ManualClock())
    path = tmp_path / "work" / "deep" / "file"

    dropped = host.new_file(path)
    dropped.write(b"half")
    dropped.drop()
    assert not host.exists(path)

    kept = host.new_file(path)
    kept.write(b"wh")
    kept.write(b"ole")
    kept.keep(executable=True)
    kept.drop()

    assert b"whole" == host.read(path, 5)
    with pytest.raises(HostFault, match="more than 4 bytes"):
        host.read(path, 4)


async def test_folders_are_made_moved_into_and_removed(make: Make, tmp_path: Path) -> None:
    host = make(ManualClock())
    source, target = tmp_path / "work" / "from", tmp_path / "work" / "to"
    host.write(source / "deep" / "one", b"1")
    host.write(source / "two", b"22")
    host.write(target / "two", b"old")

    moved = host.move_into(source, target)

    assert {target / "deep" / "one", target / "two"} == set(moved)
    assert b"22" == host.read(target / "two", 10)
    host.remove(target)
    assert not host.exists(target)
    assert not host.is_folder(target)


async def test_what_is_missing_is_a_fault(make: Make, tmp_path: Path) -> None:
    host = make(ManualClock())

    with pytest.raises(HostFault, match="cannot be read"):
        host.read(tmp_path / "nothing", 10)
    with pytest.raises(HostFault, match="cannot be written"):
        host.move_file(tmp_path / "nothing", tmp_path / "work" / "something")
    assert host.find("no-such-program-anywhere") is None


async def test_the_whole_group_is_killed(tmp_path: Path) -> None:
    """Children die with the step, also those that ignore TERM (the real machine only)."""
    clock, heard, stop = ManualClock(), Heard(), Stop()
    host = LinuxHost(clock)
    script = "(trap '' TERM; echo $$ >/dev/null; sleep 5000 & echo $!; wait) &\nsleep 5000"
    process = begin(host, tmp_path, script, heard)
    watching = asyncio.ensure_future(supervise(process, clock, limit=HOUR, stop=stop))
    await heard.something.wait()
    child = int(heard.said["stdout"])
    assert process.leader.pid == os.getpgid(child)
    gone = asyncio.Event()
    watch = os.pidfd_open(child)
    asyncio.get_running_loop().add_reader(watch, gone.set)

    stop.cancel()
    await clock.advance(timedelta(0))
    assert not gone.is_set()
    await clock.advance(GRACE)
    await watching

    await gone.wait()
    asyncio.get_running_loop().remove_reader(watch)
    os.close(watch)


async def test_a_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    host = LinuxHost(ManualClock())
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")

    host.write(tmp_path / "link", b"other")

    assert "precious" == (tmp_path / "precious").read_text()
    assert b"other" == (tmp_path / "link").read_bytes()


async def test_leftovers_of_an_earlier_agent_are_recognised_and_ended(tmp_path: Path) -> None:
    clock, heard = ManualClock(), Heard()
    host = LinuxHost(clock)
    process = begin(host, tmp_path, "echo begun\nsleep 5000", heard)
    await heard.something.wait()
    leader = process.leader

    assert not host.end_leftovers(_other(leader, boot="another boot"), "")
    assert not host.end_leftovers(_other(leader, started="1"), "no such mark")
    assert start_mark(leader.pid)
    assert host.end_leftovers(leader, "")

    assert -9 == await process.ended()
    assert not host.end_leftovers(leader, "")


async def test_leftovers_are_found_by_their_mark_when_their_leader_is_gone(tmp_path: Path) -> None:
    clock, heard = ManualClock(), Heard()
    host = LinuxHost(clock)
    host.write(tmp_path / "script", b"sleep 5000 &\necho begun")
    arguments = ["sh", str(tmp_path / "script")]
    process = host.start(Program(arguments, tmp_path, {"SSM_COMMAND_ID": "one"}), heard)
    ended = asyncio.ensure_future(process.ended())
    while not ended.done():
        await clock.advance(DRAIN)

    assert not host.end_leftovers(process.leader, "SSM_COMMAND_ID=two")
    assert host.end_leftovers(process.leader, "SSM_COMMAND_ID=one")


async def test_the_facts_come_from_the_machines_own_files(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(
        '# comment\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
    )
    (tmp_path / "etc/machine-id").write_text("abc\n")

    facts = LinuxHost(ManualClock(), root=tmp_path).facts()

    assert ("Debian GNU/Linux", "12", "Linux") == (
        facts.platform_name,
        facts.platform_version,
        facts.platform_type,
    )
    assert "abc" == facts.hardware["machine-id"]


async def test_a_reboot_that_is_refused_is_a_fault() -> None:
    refused = LinuxHost(ManualClock(), reboot=["sh", "-c", "echo not now >&2; exit 1"])
    missing = LinuxHost(ManualClock(), reboot=["no-such-program-anywhere"])

    with pytest.raises(HostFault, match="not now"):
        await refused.reboot()
    with pytest.raises(HostFault, match="did not start"):
        await missing.reboot()


def _other(leader: Leader, **changes: str) -> Leader:
    return structs.replace(leader, **changes)


def test_a_folder_tells_what_is_in_it(make: Make, tmp_path: Path) -> None:
    host = make(ManualClock())
    host.write(tmp_path / "work" / "a.txt", b"12345")
    host.make_folder(tmp_path / "work" / "deep")

    found = {each.name: each for each in host.inside(tmp_path / "work")}

    assert {"a.txt": (False, 5), "deep": (True, found["deep"].size)} == {
        name: (each.is_folder, each.size) for name, each in found.items()
    }
    with pytest.raises(HostFault):
        host.inside(tmp_path / "missing")


def test_cards_have_what_the_kernel_tells(tmp_path: Path) -> None:
    """Names and addresses are this machine's; routes and IPv6 come from the files below a root."""
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
    (tmp_path / "proc/net").mkdir(parents=True)
    routes = "".join(f"{name}\t00000000\t0102A8C0\t0003\n" for name in names)
    (tmp_path / "proc/net/route").write_text(f"Iface\tDestination\tGateway\tFlags\n{routes}")
    sixes = "".join(f"fe80{'0' * 27}1 02 40 20 80 {name}\n" for name in names)
    (tmp_path / "proc/net/if_inet6").write_text(sixes)

    found = LinuxHost(ManualClock(), root=tmp_path).network_cards()

    assert [(name, "192.168.2.1", ("fe80::1",)) for name in sorted(names)] == [
        (card.name, card.gateway, tuple(card.ipv6)) for card in found
    ]
