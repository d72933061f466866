"""`make kill ROUNDS=20`: kill servers, agents and PostgreSQL at random while commands run.

Every round is one command to simulated nodes and real agents while chance kills this one and that
one; then nothing may be lost, no step of our agent started twice, and every invocation final. The
seed is printed, and who was killed when; `--seed S --only N` lives through the blows of a round
again, though not through the same microseconds.
"""

import argparse
import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.kills.rounds import Report, live, settle
from tools.kills.scene import Scene
from tools.kills.stampede import stampede

ENGINES = ("sqlite", "postgresql")


def main() -> int:
    """Live through the rounds; the exit status is 1 when something did not hold."""
    given = _parser().parse_args()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    if given.stampede is not None:
        with tempfile.TemporaryDirectory(prefix="ostler-stampede-") as folder:
            print(uvloop.run(stampede(Path(folder), given.stampede)))
        return 0
    bad = 0
    for engine in ENGINES if given.engine is None else (given.engine,):
        bad += uvloop.run(_engine(engine, seed, given))
    return 1 if bad else 0


async def _engine(engine: str, seed: int, given: argparse.Namespace) -> int:
    """All rounds over one database; how much went wrong."""
    began = time.monotonic()
    there = f"{given.nodes} simulated nodes, {given.agents} agents"
    print(f"{engine}: seed {seed}, {there}", flush=True)
    reports: list[Report] = []
    with tempfile.TemporaryDirectory(prefix="ostler-kill-") as folder:
        place = Path(folder)
        scene = Scene(place, engine, nodes=given.nodes, agents=given.agents, seed=seed)
        async with scene.open():
            for number in range(given.rounds) if given.only is None else [given.only]:
                report = await live(scene, number)
                reports.append(report)
                print(report, flush=True)
                for fault in report.faults:
                    print(f"  FAULT {fault} (--engine {engine} --seed {seed} --only {number})")
            left = await settle(scene)
            bad = sum(bool(report.faults) for report in reports) + len(left)
            if bad:
                _keep_logs(place, given.logs)
    for fault in left:
        print(f"  FAULT {fault}")
    statuses: Counter[str] = sum((report.statuses for report in reports), Counter())
    unanswered = sum(not report.answered for report in reports)
    took = [report.took for report in reports]
    print(
        f"{engine}: {len(reports)} rounds in {time.monotonic() - began:.0f} s, {bad} with faults; "
        f"killed {_counted(scene.killed)}; invocations {_counted(statuses)}; {unanswered} times "
        f"SendCommand was not answered; a round took {statistics.median(took):.1f} s at the "
        f"median, {max(took):.1f} s at most",
        flush=True,
    )
    return bad


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _keep_logs(place: Path, logs: Path | None) -> None:
    if logs is not None:
        logs.mkdir(parents=True, exist_ok=True)
        for log in place.glob("*.log"):
            (logs / log.name).write_bytes(log.read_bytes())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=20, help="how many rounds over each database (20)")
    add("--nodes", type=int, default=197, help="how many simulated nodes (197)")
    add("--agents", type=int, default=3, help="how many real agents (3)")
    add("--engine", choices=ENGINES, help="one of the databases alone")
    add("--seed", type=int, help="what decides who is killed when")
    add("--only", type=int, metavar="ROUND", help="one round of the seed alone")
    add("--stampede", type=int, metavar="N", help="instead, cut the lines of N nodes at once")
    add("--logs", type=Path, metavar="DIR", help="where to keep the logs when something is wrong")
    return parser


if __name__ == "__main__":
    sys.exit(main())
