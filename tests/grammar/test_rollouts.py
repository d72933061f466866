"""Rollouts: the limits of AWS, kept in every order in which results may come."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.grammar.rollouts import Rollout, RolloutFault

CASES = sorted(Path(__file__).parent.parent.joinpath("cases/rollouts").glob("*.toml"))

limits = st.integers(1, 120).map(str) | st.integers(1, 100).map("{}%".format)
tolerances = st.integers(0, 120).map(str) | st.integers(0, 100).map("{}%".format)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_limits_mean_what_aws_says(path):
    for case in tomllib.loads(path.read_text())["case"]:
        rollout = Rollout.of(case["max_concurrency"], case["max_errors"], case["targets"])

        assert case["at_once"] == rollout.max_concurrency, case
        assert case["stops_on_error"] == rollout.max_errors + 1, case


@given(limits, tolerances, st.lists(st.booleans(), max_size=60), st.randoms())
def test_a_rollout_never_runs_too_many_and_stops_on_the_error_after_the_last_allowed(
    concurrency, errors, succeeds, random
):
    rollout = Rollout.of(concurrency, errors, len(succeeds))
    waiting, running, failed, started = list(range(len(succeeds))), [], 0, 0
    while wave := rollout.next_wave(len(running), failed, waiting):
        assert failed <= rollout.max_errors
        waiting, running = waiting[len(wave) :], [*running, *wave]
        started += len(wave)
        assert len(running) <= rollout.max_concurrency
        ended = running.pop(random.randrange(len(running)))
        failed += not succeeds[ended]
        while running and (random.random() < 0.5 or len(running) == rollout.max_concurrency):
            ended = running.pop(random.randrange(len(running)))
            failed += not succeeds[ended]
    # Whoever has not started was left out because of errors, never forgotten.
    assert started == len(succeeds) or rollout.stopped(failed)


def test_nothing_starts_while_all_places_are_taken():
    assert [] == Rollout(2, 0).next_wave(2, 0, ["a", "b"])


@pytest.mark.parametrize("limit", ["", "0", "-1", "0%", "101%", "5.5%", "ten", "1 "])
def test_a_limit_on_concurrency_is_a_number_or_a_percentage(limit):
    with pytest.raises(RolloutFault):
        Rollout.of(limit, "0", 10)


@pytest.mark.parametrize("limit", ["", "-1", "101%", "5.5%", "none", "01"])
def test_a_limit_on_errors_is_a_number_or_a_percentage(limit):
    with pytest.raises(RolloutFault):
        Rollout.of("50", limit, 10)
