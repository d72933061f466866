"""Live through seeds of the simulation; a seed that shows a fault is printed, and replays it."""

import argparse
import multiprocessing
import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Live through them; the exit status is 1 when one shows a fault."""
    given = _parser().parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of texts in sets is part of what a seed decides.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    began = time.perf_counter()
    if given.seed is not None:
        bad, count = _live([given.seed], given), 1
    else:
        count = given.seeds
        seeds = range(given.first, given.first + count)
        shares = [seeds[start :: given.jobs] for start in range(given.jobs)]
        with multiprocessing.Pool(given.jobs) as pool:
            bad = sum(pool.starmap(_live, [(share, given) for share in shares], chunksize=1))
    took = time.perf_counter() - began
    print(f"{count} seeds in {took:.1f} s, {bad} with faults")
    return 1 if bad else 0


def _live(seeds: Any, given: argparse.Namespace) -> int:
    """How many of the seeds show a fault."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    from tests.simulation.planted import PLANTED
    from tests.simulation.template import template
    from tests.simulation.world import simulate

    bad = 0
    with template() as made, PLANTED[given.plant]() if given.plant else nullcontext():
        for seed in seeds:
            result = simulate(seed, made, sys.stdout if given.trace else None)
            if given.seed is not None:
                print(f"digest {result.digest} {result.statuses}")
            if not result.faults:
                continue
            bad += 1
            planted = f" --plant {given.plant}" if given.plant else ""
            print(f"seed {seed} fails: python tools/simulate.py --seed {seed} --trace{planted}")
            for fault in result.faults:
                print(f"  {fault}")
            sys.stdout.flush()
            if given.plant:
                break
    return bad


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, metavar="N", help="how many (500)")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="the first one (1)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at once (1)")
    parser.add_argument("--seed", type=int, metavar="N", help="only this one")
    parser.add_argument("--trace", action="store_true", help="print what happens")
    parser.add_argument("--plant", metavar="BUG", help="look for a bug that is planted first")
    return parser


if __name__ == "__main__":
    sys.exit(main())
