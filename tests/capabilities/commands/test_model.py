"""The model of commands: every path ends, what ended stays, and order does not matter."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ostler.capabilities.commands.model import (
    DELIVERED,
    OPEN,
    SENT,
    UNSENT,
    Event,
    Invocation,
    Outcome,
    Report,
    Status,
    StepOutput,
    StepReport,
    StepResult,
    Tally,
    WrongTurn,
    next_wave,
    outcome,
    possible,
)
from ostler.foundation.ids import CommandId, NodeId
from ostler.grammar.rollouts import Rollout

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
FINAL = [status for status in Status if status.final]
ENDINGS = [Event.SUCCEEDED, Event.FAILED, Event.TIMED_OUT, Event.STOPPED]
STEPS = ["one", "two", "three"]


def an_invocation(status=Status.WAITING, **facts):
    return Invocation(CommandId("c"), NodeId("n"), AT, status=status, **facts)


def a_result(status=Status.SUCCESS, code=0, output="hello"):
    return StepReport(StepResult(status, code, AT, LATER), StepOutput(output, "", output))


def turn(status, event):
    """How it stands after `event`, or still, where that cannot happen."""
    try:
        return status.after(event)
    except WrongTurn:
        return status


# One invocation's turns


def test_every_status_can_end():
    reached = set(FINAL)
    while more := {
        status
        for status in set(Status) - reached
        if any(turn(status, event) in reached for event in Event)
    }:
        reached |= more

    assert set(Status) == reached


def test_time_ends_every_open_invocation_by_itself():
    """Whatever nodes and people do or fail to do, the clock's last word ends it."""
    assert all(status.after(Event.EXPIRED).final for status in OPEN)


@given(some.sampled_from(FINAL), some.sampled_from(Event))
def test_what_has_ended_stays_as_it_ended(status, event):
    assert status is status.after(event)


@given(some.sampled_from(Status), some.lists(some.sampled_from(Event)))
def test_no_path_leads_back(status, events):
    """A rank that only grows: nothing that was sent waits again, nothing received is pending."""
    rank = dict.fromkeys(UNSENT, 0) | dict.fromkeys((SENT[0], SENT[1]), 1)
    rank |= dict.fromkeys(DELIVERED, 2) | dict.fromkeys(FINAL, 3)
    ranks = [rank[status]]
    for event in events:
        status = turn(status, event)
        ranks.append(rank[status])

    assert sorted(ranks) == ranks


def test_only_what_was_never_sent_is_terminated():
    assert (Status.WAITING,) == possible(Event.ERRORS_EXCEEDED)
    with pytest.raises(WrongTurn):
        Status.IN_PROGRESS.after(Event.ERRORS_EXCEEDED)


def test_what_was_not_delivered_is_cancelled_at_once_and_the_rest_is_asked():
    assert Status.CANCELLED is Status.WAITING.after(Event.CANCEL_ASKED)
    assert Status.CANCELLED is Status.DELAYED.after(Event.CANCEL_ASKED)
    assert Status.CANCELLING is Status.IN_PROGRESS.after(Event.CANCEL_ASKED)


def test_without_a_last_word_it_counts_as_not_delivered():
    """AWS's rule, even where the node had begun."""
    ended = an_invocation(Status.IN_PROGRESS, received=AT).after(Event.EXPIRED, LATER)

    assert ("TimedOut", "DeliveryTimedOut") == (ended.status.coarse, ended.status.details)


def test_aws_knows_every_word():
    of_steps = {"Pending", "InProgress", "Success", "TimedOut", "Cancelled", "Failed"}
    of_commands = of_steps | {"Cancelling"}
    of_invocations = of_commands | {"Delayed"}

    assert of_steps == {status.coarse_of_step for status in Status}
    assert of_commands == {result.coarse for result in Outcome}
    assert of_invocations == {status.coarse for status in Status}


# Replies


@some.composite
def a_run(draw):
    """What an agent that runs three steps tells: each step, then the end."""
    count = draw(some.integers(1, 3))
    results = draw(
        some.lists(
            some.sampled_from([Status.SUCCESS, Status.FAILED, Status.CANCELLED]),
            min_size=count,
            max_size=count,
        )
    )
    told = {
        name: a_result(result, code, f"{name} says")
        for code, (name, result) in enumerate(zip(STEPS, results, strict=False))
    }
    reports = [Report(Event.RECEIVED), Report(Event.PROGRESSED)]
    reports += [Report(Event.PROGRESSED, {name: report}) for name, report in told.items()]
    last = told if count == 1 else {}
    return [*reports, Report(draw(some.sampled_from(ENDINGS)), last)]


@settings(max_examples=200)
@given(a_run(), some.data())
def test_replies_may_come_in_any_order_and_more_than_once(reports, data):
    heard_in_order = an_invocation(Status.PENDING, sent=AT)
    for report in reports:
        heard_in_order = heard_in_order.heard(report, AT)
    mixed = data.draw(
        some.permutations(reports + data.draw(some.lists(some.sampled_from(reports))))
    )
    heard = an_invocation(Status.PENDING, sent=AT)
    for report in mixed:
        heard = heard.heard(report, AT)

    assert heard_in_order == heard
    assert heard.status.final


@settings(max_examples=200)
@given(a_run(), some.data())
def test_each_output_is_kept_once(reports, data):
    invocation = an_invocation(Status.PENDING, sent=AT)
    kept = []
    for report in data.draw(some.permutations(reports * 2)):
        kept += invocation.new_output(report)
        invocation = invocation.heard(report, AT)

    assert sorted(invocation.steps) == sorted(kept)


def test_a_late_step_is_taken_in_without_reopening_the_end():
    ended = an_invocation(Status.PENDING).heard(Report(Event.SUCCEEDED), AT)

    heard = ended.heard(Report(Event.PROGRESSED, {"one": a_result()}), LATER)

    assert (Status.SUCCESS, AT, 0) == (heard.status, heard.ended, heard.steps["one"].code)


def test_what_the_server_ended_hears_no_more():
    gone = an_invocation(Status.IN_PROGRESS, received=AT).after(Event.EXPIRED, AT)

    heard = gone.heard(Report(Event.SUCCEEDED, {"one": a_result()}), LATER)

    assert (Status.DELIVERY_TIMED_OUT, {}) == (heard.status, heard.steps)
    assert {} == gone.new_output(Report(Event.SUCCEEDED, {"one": a_result()}))


def test_a_node_that_gets_a_job_too_late_is_told_to_stop():
    late = an_invocation(Status.PENDING, sent=AT).after(Event.DELIVERY_EXPIRED, AT)
    told = late.heard(Report(Event.RECEIVED), LATER)

    assert (False, True) == (late.cancel_owed, told.cancel_owed)
    assert not told.heard(Report(Event.STOPPED), LATER).cancel_owed
    assert not late.heard(Report(Event.SUCCEEDED), LATER).cancel_owed


def test_a_node_that_was_given_up_is_told_to_stop_when_it_comes_back():
    gone = an_invocation(Status.IN_PROGRESS, received=AT).after(Event.EXPIRED, AT)

    assert gone.cancel_owed
    assert not gone.heard(Report(Event.SUCCEEDED), LATER).cancel_owed


def test_a_reboot_is_not_the_end():
    rebooting = an_invocation(Status.IN_PROGRESS).heard(
        Report(Event.PROGRESSED, {"one": a_result(Status.IN_PROGRESS, 194)}), AT
    )
    back = rebooting.heard(Report(Event.SUCCEEDED, {"one": a_result()}), LATER)

    assert Status.IN_PROGRESS is rebooting.status
    assert (Status.SUCCESS, 0) == (back.status, back.steps["one"].code)


def test_a_step_stands_like_its_invocation_until_the_node_speaks_of_it():
    expires = AT + timedelta(hours=2)

    def step(invocation, *, first=True, at=LATER):
        found = invocation.step("one", first=first, at=at, expires=expires)
        return found.status.coarse_of_step, found.status.details, found.code

    assert ("Pending", "Pending", -1) == step(an_invocation())
    assert ("Pending", "Delayed", -1) == step(an_invocation(Status.DELAYED))
    assert ("InProgress", "InProgress", -1) == step(an_invocation(Status.IN_PROGRESS))
    assert ("Pending", "Pending", -1) == step(an_invocation(Status.IN_PROGRESS), first=False)
    expired = an_invocation(Status.PENDING).after(Event.EXPIRED, AT)
    assert ("TimedOut", "DeliveryTimedOut", -1) == step(expired)
    succeeded = an_invocation(Status.PENDING).heard(Report(Event.SUCCEEDED), AT)
    assert ("InProgress", "InProgress", -1) == step(succeeded)
    assert ("Success", "Success", -1) == step(succeeded, at=expires)


# A command's tally

some_counts = some.dictionaries(some.sampled_from(Status), some.integers(0, 5))
some_rollouts = some.builds(Rollout, some.integers(1, 5), some.integers(0, 5))


@given(some_counts, some_rollouts, some.booleans())
def test_a_command_ends_exactly_when_its_invocations_have(counts, rollout, cancelled):
    tally = Tally(counts)
    still_open = sum(number for status, number in counts.items() if not status.final)

    assert outcome(tally, rollout, cancelled=cancelled).final is (still_open == 0)


@given(some_counts, some_rollouts)
def test_a_wave_keeps_to_the_concurrency_and_never_leaves_a_command_stuck(counts, rollout):
    tally = Tally(counts)
    wave = next_wave(tally, rollout)

    assert tally.running + wave <= max(tally.running, rollout.max_concurrency)
    if tally.waiting and not tally.running and not rollout.stopped(tally.errors):
        assert wave > 0


@given(some_counts, some.lists(some.sampled_from(list(itertools.product(OPEN, Status)))))
def test_moving_changes_places_not_numbers(counts, moves):
    tally = Tally(counts)
    possible_moves: dict[tuple[Status, Status], int] = {}
    for former, latter in moves:
        taken = sum(n for (start, _), n in possible_moves.items() if start is former)
        if taken < counts.get(former, 0):
            possible_moves[former, latter] = possible_moves.get((former, latter), 0) + 1

    assert tally.targets == tally.moved(possible_moves).targets


def a_command_of(*, errors=0, **counts):
    tally = Tally({Status[name.upper()]: number for name, number in counts.items()})
    found = outcome(tally, Rollout(50, errors), cancelled=False)
    return found.coarse, found.details


def test_the_outcomes_that_aws_tells_of():
    assert ("Success", "Success") == a_command_of(success=3)
    assert ("Success", "NoInstancesInTag") == a_command_of()
    assert ("Failed", "Failed") == a_command_of(success=2, failed=1)
    assert ("Failed", "Incomplete") == a_command_of(success=2, failed=1, errors=1)
    # Recorded: one node whose script took too long, and one that was switched off.
    assert ("Failed", "Failed") == a_command_of(execution_timed_out=1)
    assert ("TimedOut", "DeliveryTimedOut") == a_command_of(delivery_timed_out=1)
    assert ("Failed", "Incomplete") == a_command_of(success=4, delivery_timed_out=1, errors=1)
    # What could not be reached counts only where nobody could be.
    assert ("Success", "Success") == a_command_of(success=1, undeliverable=4)
    assert ("Success", "Success") == a_command_of(success=1, invalid_platform=4)
    assert ("Failed", "Failed") == a_command_of(undeliverable=2, invalid_platform=1)
    assert ("Failed", "AccessDenied") == a_command_of(access_denied=5)
    assert ("Failed", "Failed") == a_command_of(failed=1, terminated=4)
    assert ("Pending", "Pending") == a_command_of(waiting=3, pending=2)
    assert ("Pending", "Delayed") == a_command_of(waiting=3, delayed=2)
    assert ("InProgress", "InProgress") == a_command_of(waiting=3, success=1)


def test_a_cancelled_command_is_cancelling_until_everybody_has_ended():
    def standing(counts):
        return outcome(Tally(counts), Rollout(50, 0), cancelled=True)

    assert Outcome.CANCELLING is standing({Status.CANCELLING: 1, Status.CANCELLED: 4})
    assert Outcome.CANCELLED is standing({Status.CANCELLED: 4, Status.SUCCESS: 1})
    assert Outcome.SUCCESS is standing({Status.SUCCESS: 2})


def test_max_errors_is_more_than_not_as_many_as():
    """3 stops at the fourth error; what was never delivered is none."""
    rollout = Rollout(50, 3)

    assert 10 == next_wave(Tally({Status.FAILED: 3, Status.WAITING: 10}), rollout)
    assert 0 == next_wave(Tally({Status.FAILED: 4, Status.WAITING: 10}), rollout)
    assert 10 == next_wave(Tally({Status.DELIVERY_TIMED_OUT: 9, Status.WAITING: 10}), rollout)


def test_a_silent_node_keeps_its_room():
    assert 1 == next_wave(Tally({Status.DELAYED: 2, Status.WAITING: 10}), Rollout(3, 0))
