"""The simulated disk: what was promised survives a loss of power, and nothing else has to."""

from random import Random

import pytest

from tests.simulation.disk import Mounted, Platter
from tests.simulation.loop import Died, Life, VirtualLoop, buried

SEEDS = range(50)


def a_disk(seed: int) -> tuple[Platter, Mounted, Life]:
    loop = VirtualLoop()
    with buried(loop):
        life = Life(loop, "agent")
    platter = Platter(Random(seed))
    return platter, Mounted(platter, life), life


def test_what_was_promised_is_there_after_a_loss_of_power() -> None:
    left = set()
    for seed in SEEDS:
        platter, disk, _ = a_disk(seed)
        disk.append("job", b"promised.")
        disk.append("job", b"hoped", durable=False)
        platter.lose_power()
        left.add(disk.read("job"))

    assert {b"promised.", b"promised.hoped"} <= left
    assert all(content.startswith(b"promised.") for content in left)


def test_a_later_promise_covers_what_was_written_before() -> None:
    platter, disk, _ = a_disk(1)
    disk.append("job", b"one", durable=False)
    disk.append("job", b"two")
    platter.lose_power()

    assert b"onetwo" == disk.read("job")


def test_a_removed_name_may_come_back() -> None:
    names = []
    for seed in SEEDS:
        platter, disk, _ = a_disk(seed)
        disk.append("job", b"one")
        disk.remove("job")
        platter.lose_power()
        names.append(disk.names())

    assert [] in names
    assert ["job"] in names


def test_a_planned_end_comes_in_the_middle_of_a_line() -> None:
    left = set()
    for seed in SEEDS:
        platter, disk, life = a_disk(seed)
        platter.fatal_append = 2
        disk.append("job", b"one.")
        with pytest.raises(Died):
            disk.append("job", b"two.")
        assert not life.alive
        left.add(disk.read("job"))

    assert {b"one.", b"one.t", b"one.tw", b"one.two", b"one.two."} == left


def test_the_dead_write_nothing() -> None:
    platter, disk, life = a_disk(1)
    life.end()
    for deed in (lambda: disk.append("a", b"a"), lambda: disk.replace("a", b"a")):
        with pytest.raises(Died):
            deed()

    assert {} == platter.files


def test_a_full_disk_says_so() -> None:
    platter, disk, _ = a_disk(1)
    platter.full = True
    with pytest.raises(OSError, match="No space"):
        disk.append("job", b"one")

    assert [] == disk.names()
