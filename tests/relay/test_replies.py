"""Replies: many connections, few transactions, and nobody told before it is kept."""

from datetime import timedelta

import pytest

from ostler.relay.ports import Acked, Heard
from ostler.relay.replies import LARGEST_BATCH
from ostler.wire.agent.jobs import SEND_COMMAND, ReplyContent
from tests.relay.fakes import NODE, SCOPE, Bench, job

MOMENT = timedelta(milliseconds=10)


@pytest.fixture
def bench():
    return Bench()


def heard(message_id):
    return Heard(SCOPE, NODE, job().job_id, message_id, ReplyContent("Success"), SEND_COMMAND)


async def test_replies_of_the_same_moment_are_kept_together(bench):
    kept = [bench.collector.take(heard(str(number))) for number in range(20)]
    assert not any(future.done() for future in kept)

    await bench.clock.advance(MOMENT)

    assert [20] == bench.replies.batches
    assert all(future.result() for future in kept)


async def test_a_batch_is_bounded(bench):
    for number in range(LARGEST_BATCH + 1):
        bench.collector.take(heard(str(number)))
    await bench.clock.advance(MOMENT)
    assert [LARGEST_BATCH, 1] == bench.replies.batches


async def test_one_reply_that_cannot_be_kept_does_not_take_others_with_it(bench):
    bench.replies.poison = {"bad"}
    good, bad = bench.collector.take(heard("good")), bench.collector.take(heard("bad"))

    await bench.clock.advance(MOMENT)

    assert (True, False) == (good.result(), bad.result())
    assert ["good"] == list(bench.replies.heard)


async def test_acknowledgements_and_replies_are_told_apart(bench):
    bench.replies.poison = {"bad"}
    ack = bench.collector.take(Acked(SCOPE, NODE, job().job_id, "200"))
    bad = bench.collector.take(heard("bad"))
    await bench.clock.advance(MOMENT)
    assert (True, False) == (ack.result(), bad.result())
    assert [(job().job_id, "200")] == bench.replies.acks


async def test_after_an_outage_it_goes_on(bench):
    bench.replies.down = True
    lost = bench.collector.take(heard("one"))
    await bench.clock.advance(MOMENT)
    assert not lost.result()

    bench.replies.down = False
    again = bench.collector.take(heard("one"))
    await bench.clock.advance(MOMENT)
    assert again.result()


async def test_one_who_waits_no_more_disturbs_nobody(bench):
    gone, here = bench.collector.take(heard("one")), bench.collector.take(heard("two"))
    gone.cancel()
    await bench.clock.advance(MOMENT)
    assert here.result()
    assert {"one", "two"} == set(bench.replies.heard)
