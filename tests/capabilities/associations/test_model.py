"""What reports come to, in every order; and what nodes come to together."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.capabilities.associations.model import (
    BEGINS,
    Hearing,
    Member,
    Report,
    Status,
    hear,
    moved,
    outcome,
    standing,
)
from ostler.foundation.ids import NodeId

NODE = NodeId("mi-00000000000000001")
AT = datetime(2026, 1, 1, tzinfo=UTC)

tallies = st.dictionaries(st.sampled_from(list(Status)), st.integers(1, 5))
members = st.builds(
    Member,
    association=st.just("a"),
    node=st.just(NODE),
    status=st.sampled_from(list(Status)),
    overtaken=st.booleans(),
)
words = st.builds(
    Report,
    node=st.just(NODE),
    association=st.just("a"),
    status=st.sampled_from([Status.PENDING, Status.IN_PROGRESS, *[s for s in Status if s.final]]),
    at=st.just(AT),
    summary=st.sampled_from([BEGINS, "1 out of 2 plugins processed"]),
    error_code=st.sampled_from(["", "ExecutionError", "InvalidAssoc"]),
)


def report(status: Status, summary: str = "", code: str = "") -> Report:
    return Report(NODE, "a", status, AT, summary, code)


@given(tallies)
def test_nodes_come_to_an_end_when_none_is_open(tally):
    assert outcome(tally).final != any(
        not status.final for status in tally if status is not Status.ASSOCIATED
    )


@given(tallies)
def test_clients_see_one_of_three_words(tally):
    assert standing(tally).coarse in ("Pending", "Success", "Failed")


@given(tallies, st.sampled_from(list(Status)), st.sampled_from(list(Status)))
def test_a_turn_loses_nobody(tally, former, latter):
    tally = {**tally, former: tally.get(former, 0) + 1}

    assert sum(tally.values()) == sum(moved(tally, former, latter).values())


@given(members, words)
def test_what_ended_stays_as_it_ended_until_something_begins(member, word):
    over = member.status.final or member.status is Status.ASSOCIATED
    heard = hear(member, word)

    assert heard is not Hearing.TAKEN or not over
    assert heard is not Hearing.BY_ITSELF or word.begins
    if member.overtaken and not word.begins:
        assert Hearing.IGNORED is heard


@pytest.mark.parametrize(
    ("tally", "expected"),
    [
        ({Status.SUCCESS: 2, Status.SKIPPED: 1}, Status.SUCCESS),
        ({Status.SKIPPED: 2}, Status.SKIPPED),
        ({Status.SUCCESS: 2, Status.TIMED_OUT: 1}, Status.TIMED_OUT),
        ({Status.FAILED: 1, Status.TIMED_OUT: 1}, Status.FAILED),
        ({Status.WAITING: 1, Status.PENDING: 1}, Status.PENDING),
        ({Status.WAITING: 1, Status.SUCCESS: 1}, Status.IN_PROGRESS),
    ],
)
def test_a_run_that_hangs_is_told_apart_from_one_that_failed(tally, expected):
    assert expected == outcome(tally)


def test_drift_is_what_stands_behind_the_mark():
    ours = "The operation ensure failed because OSTLER-DRIFT\n-a\n+b."
    stock = f"{ours[:-1]}\nfailed to run commands: exit status 3."

    assert "-a\n+b" == report(Status.FAILED, ours).drift == report(Status.FAILED, stock).drift
    assert "" == report(Status.SUCCESS, ours).drift == report(Status.FAILED, "broken").drift
