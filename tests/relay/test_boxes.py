"""Boxes: who may be given what, and when again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ostler.relay.boxes import CAPACITY, WINDOW, Box
from ostler.wire.agent.jobs import CANCEL_COMMAND
from tests.relay.fakes import job

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def ids(envelopes):
    return [envelope.job.job_id for envelope in envelopes]


def a_box(*names):
    box = Box()
    for name in names:
        box.put(job(name), NOW)
    return box


def test_a_job_is_given_once_until_its_answer_is_late():
    box = a_box("one")

    assert [job("one").job_id] == ids(box.take(NOW, wanted=True))
    assert [] == ids(box.take(NOW + 4 * SECOND, wanted=True))
    assert [job("one").job_id] == ids(box.take(NOW + 5 * SECOND, wanted=True))


def test_nothing_old_is_given_without_asking_first():
    box = a_box("one")
    box.take(NOW)
    assert [] == ids(box.take(NOW + 60 * SECOND))


def test_patience_grows_up_to_five_minutes():
    box = a_box("one")
    now, waits = NOW, []
    for _ in range(9):
        box.take(now, wanted=True)
        waits.append((box.wakes(now) - now).total_seconds())
        now = box.wakes(now)
    assert [5, 10, 20, 40, 80, 160, 300, 300, 300] == waits


def test_a_node_is_given_no_more_than_it_can_hold():
    box = a_box(*map(str, range(WINDOW + 2)))
    assert WINDOW == len(box.take(NOW))

    box.remove(job("0").job_id)

    assert NOW == box.wakes(NOW)
    assert [] == ids(box.take(NOW))
    assert [job(str(WINDOW)).job_id] == ids(box.take(NOW, wanted=True))


def test_a_cancellation_goes_first_and_needs_no_room():
    box = a_box(*map(str, range(WINDOW)))
    box.take(NOW)
    box.put(job("late"), NOW)
    box.put(job("stop", topic=CANCEL_COMMAND), NOW)
    assert [job("stop").job_id] == ids(box.take(NOW))


def test_a_full_node_is_tried_again_after_a_while():
    box = a_box("one")
    box.take(NOW)

    box.defer(job("one").job_id, NOW)

    assert NOW + 5 * SECOND == box.wakes(NOW)
    assert [] == ids(box.take(NOW + 4 * SECOND, wanted=True))
    assert [job("one").job_id] == ids(box.take(NOW + 5 * SECOND, wanted=True))


def test_a_full_node_is_tried_as_soon_as_it_has_room():
    box = a_box("one")
    box.take(NOW)
    box.defer(job("one").job_id, NOW)

    box.retry(NOW + SECOND)

    assert NOW + SECOND == box.wakes(NOW + SECOND)
    assert [job("one").job_id] == ids(box.take(NOW + SECOND, wanted=True))


def test_an_answer_names_the_job_or_at_least_the_message():
    box = a_box("one")
    [envelope] = box.take(NOW)
    envelope.message_id = "frame"

    assert job("one").job_id == box.find(job("one").job_id, "")
    assert job("one").job_id == box.find("", "frame")
    assert box.find("", "") is None
    assert box.find("other", "other") is None


def test_what_is_not_pending_any_more_is_dropped():
    box = a_box("one", "two")
    before = box.job_ids()
    box.put(job("brought meanwhile"), NOW)

    box.reconcile([job("two"), job("three")], before, NOW)

    assert {job(name).job_id for name in ("two", "three", "brought meanwhile")} == box.job_ids()


def test_a_full_box_asks_for_the_rest_when_it_has_run_low():
    box = a_box(*map(str, range(CAPACITY + 1)))
    box.take(NOW)
    assert box.more
    assert NOW < box.wakes(NOW)

    for number in range(CAPACITY - WINDOW + 1):
        box.remove(job(str(number)).job_id)

    assert NOW == box.wakes(NOW)


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "cancel", "take", "wanted", "remove", "defer", "retry", "over"]),
        st.integers(0, 14),
        st.integers(0, 400),
    ),
    max_size=60,
)


@given(steps)
def test_after_giving_what_is_due_there_is_nothing_left_to_do_at_once(steps):
    """Otherwise the mailbox would look after the same box for ever."""
    box, now = Box(), NOW
    for step, number, seconds in steps:
        now += seconds * SECOND
        match step:
            case "put":
                box.put(job(str(number)), now)
            case "cancel":
                box.put(job(f"c{number}", topic=CANCEL_COMMAND), now)
            case "take":
                box.take(now)
            case "wanted":
                box.take(now, wanted=True)
            case "remove":
                box.remove(job(str(number)).job_id)
            case "defer":
                box.defer(job(str(number)).job_id, now)
            case "retry":
                box.retry(now)
            case "over":
                box.start_over(now)

    box.take(now, wanted=True)

    assert box.wakes(now) is None or box.wakes(now) > now
