"""Kill tests on the real thing: servers, agents and PostgreSQL end by kill -9 while they work.

    async with Scene(folder, "postgresql", nodes=200, agents=3, seed=7).open() as scene:
        report = await live(scene, number=1)
    assert report.faults == []

A scene is real processes over a real database: one server over SQLite, or two over a PostgreSQL
that syncs, real agents, and simulated nodes (tools/simulated) that speak to them over TLS. A round
is one command to all of them while chance kills this one and that one. `make kill ROUNDS=200` runs
it from the command line (tools/kill.py).
"""

from tools.kills.rounds import Report, live, settle
from tools.kills.scene import Scene

__all__ = ["Report", "Scene", "live", "settle"]
