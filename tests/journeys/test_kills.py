"""kill -9 of servers, agents and PostgreSQL at random; `make kill` lives through many rounds."""

from pathlib import Path

import pytest

from tests.support.databases import ENGINES
from tools.kills import Scene, live, settle

SEEDS = {"sqlite": 5, "postgresql": 4}
"""Whose first rounds kill somebody who matters."""


@pytest.mark.parametrize("engine", ENGINES)
async def test_nothing_is_lost_and_nothing_begins_twice(engine: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path, engine, nodes=20, agents=1, seed=SEEDS[engine])
    async with scene.open():
        reports = [await live(scene, number) for number in range(2)]
        left = await settle(scene)

    assert [] == [fault for report in reports for fault in report.faults] + left
    assert scene.killed["server"] > 0
