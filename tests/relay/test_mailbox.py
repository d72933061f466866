"""The mailbox: jobs reach whoever is here, again and again, until they are answered."""

import asyncio
from datetime import timedelta

import pytest

from ostler.relay.boxes import CAPACITY, WINDOW
from ostler.relay.mailbox import POLL_LASTS, POLLER_REMEMBERED
from tests.relay.fakes import NODE, OTHER_NODE, SCOPE, Bench, Outage, job

SECOND = timedelta(seconds=1)


@pytest.fixture
def bench():
    return Bench()


async def test_a_job_is_brought_to_a_connected_node_at_once(bench):
    _, socket = await bench.connect()
    _, other = await bench.connect(OTHER_NODE)

    await bench.mailbox.bring(SCOPE, NODE, job())

    assert [job().job_id] == socket.given()
    assert [] == other.given()


async def test_a_job_for_a_node_that_is_not_here_is_not_kept(bench):
    """It is in the storage; the node will be asked about when it comes."""
    await bench.mailbox.bring(SCOPE, NODE, job())
    _, socket = await bench.connect()
    assert [] == socket.given()


async def test_what_waits_is_given_to_a_node_that_comes(bench):
    bench.work.jobs[NODE] = [job("one"), job("two")]
    _, socket = await bench.connect()
    assert [job("one").job_id, job("two").job_id] == socket.given()


async def test_a_job_brought_twice_is_given_once(bench):
    bench.work.jobs[NODE] = [job()]
    _, socket = await bench.connect()
    await bench.mailbox.bring(SCOPE, NODE, job())
    assert [job().job_id] == socket.given()


async def test_an_unanswered_job_is_sent_again_and_again(bench):
    bench.work.jobs[NODE] = [job()]
    _, socket = await bench.connect()

    await bench.pass_time(5 * SECOND)
    assert 2 == len(socket.given())
    await bench.pass_time(10 * SECOND)
    assert 3 == len(socket.given())
    assert 3 == len({frame.message_id for frame in socket.frames})


async def test_a_settled_job_is_not_sent_again(bench):
    bench.work.jobs[NODE] = [job()]
    _, socket = await bench.connect()
    bench.mailbox.settled(SCOPE, NODE, job().job_id)
    await bench.pass_time(60 * SECOND)
    assert [job().job_id] == socket.given()


async def test_a_node_that_is_none_any_more_is_parted_from(bench):
    _, socket = await bench.connect()
    _, other = await bench.connect(OTHER_NODE)

    bench.mailbox.part(SCOPE, NODE, "the node is deregistered")

    assert 1008 == socket.closed
    assert other.closed is None


async def test_a_job_cancelled_by_another_server_is_not_sent_again(bench):
    bench.work.jobs[NODE] = [job()]
    _, socket = await bench.connect()
    bench.work.jobs[NODE] = []
    await bench.pass_time(60 * SECOND)
    assert [job().job_id] == socket.given()


async def test_a_job_cancelled_while_it_waited_for_room_is_not_sent(bench):
    bench.work.jobs[NODE] = [job(str(number)) for number in range(WINDOW + 2)]
    _, socket = await bench.connect()
    cancelled, wanted = job(str(WINDOW)), job(str(WINDOW + 1))

    bench.work.jobs[NODE] = [wanted]
    for number in range(WINDOW):
        bench.mailbox.settled(SCOPE, NODE, job(str(number)).job_id)
    await bench.pass_time(2 * SECOND)

    assert wanted.job_id in socket.given()
    assert cancelled.job_id not in socket.given()


async def test_a_withdrawn_job_is_not_sent_at_all(bench):
    bench.work.jobs[NODE] = [job(str(number)) for number in range(WINDOW + 1)]
    _, socket = await bench.connect()
    last = job(str(WINDOW)).job_id

    bench.mailbox.withdraw(SCOPE, NODE, last)
    bench.mailbox.settled(SCOPE, NODE, job("0").job_id)

    assert last not in socket.given()


async def test_news_of_another_server_are_collected(bench):
    _, socket = await bench.connect()
    bench.work.jobs[NODE] = [job()]
    await bench.mailbox.collect(SCOPE, NODE)
    assert [job().job_id] == socket.given()


async def test_while_the_storage_is_away_nothing_is_sent_again_and_nothing_breaks(bench):
    bench.work.jobs[NODE] = [job()]
    _, socket = await bench.connect()

    bench.work.down = True
    await bench.pass_time(30 * SECOND)
    assert [job().job_id] == socket.given()

    bench.work.down = False
    await bench.pass_time(10 * SECOND)
    assert 2 == len(socket.given())


async def test_a_long_queue_is_worked_off(bench):
    """More than the box holds: the rest is asked for when the box has run low."""
    bench.work.jobs[NODE] = [job(str(number)) for number in range(CAPACITY + 20)]
    _, socket = await bench.connect()
    done = 0
    while done < len(given := socket.given()):
        for job_id in given[done:]:
            bench.work.jobs[NODE] = [
                waiting for waiting in bench.work.jobs[NODE] if waiting.job_id != job_id
            ]
            bench.mailbox.settled(SCOPE, NODE, job_id)
        done = len(given)
        await bench.pass_time(SECOND)
    assert CAPACITY + 20 == done == len(set(socket.given()))


async def test_a_second_connection_takes_over(bench):
    bench.work.jobs[NODE] = [job()]
    old, old_socket = await bench.connect()

    new, new_socket = await bench.connect()

    assert 1001 == old_socket.closed
    assert [job().job_id] == new_socket.given()
    assert not bench.mailbox.detach(SCOPE, NODE, old)
    assert bench.mailbox.has_channel(SCOPE, NODE)
    assert bench.mailbox.detach(SCOPE, NODE, new)
    assert not bench.mailbox.has_channel(SCOPE, NODE)


async def test_a_node_that_left_is_forgotten(bench):
    bench.work.jobs[NODE] = [job()]
    channel, socket = await bench.connect()
    bench.mailbox.detach(SCOPE, NODE, channel)
    asked = bench.work.asked
    await bench.pass_time(600 * SECOND)
    assert [job().job_id] == socket.given()
    assert asked == bench.work.asked


async def test_a_poll_is_answered_as_soon_as_a_job_comes(bench):
    poll = asyncio.create_task(bench.mailbox.poll(SCOPE, NODE))
    await bench.pass_time(SECOND)
    assert not poll.done()

    await bench.mailbox.bring(SCOPE, NODE, job())

    assert [job()] == list(await poll)


async def test_a_poll_takes_what_waits_already(bench):
    bench.work.jobs[NODE] = [job()]
    assert [job()] == list(await bench.mailbox.poll(SCOPE, NODE))


async def test_a_poll_ends_empty_before_the_agent_gives_up(bench):
    poll = asyncio.create_task(bench.mailbox.poll(SCOPE, NODE))
    await bench.pass_time(POLL_LASTS - SECOND)
    assert not poll.done()
    await bench.pass_time(2 * SECOND)
    assert [] == list(await poll)
    assert timedelta(seconds=20) > POLL_LASTS + 2 * SECOND


async def test_a_second_poll_ends_the_first(bench):
    first = asyncio.create_task(bench.mailbox.poll(SCOPE, NODE))
    await bench.pass_time(SECOND)
    second = asyncio.create_task(bench.mailbox.poll(SCOPE, NODE))
    await bench.pass_time(SECOND)
    assert [] == list(await first)

    await bench.mailbox.bring(SCOPE, NODE, job())

    assert [job()] == list(await second)


async def test_what_a_poll_gave_stays_hidden_for_a_while(bench):
    bench.work.jobs[NODE] = [job()]
    await bench.mailbox.poll(SCOPE, NODE, visibility=10 * SECOND)

    second = asyncio.create_task(bench.mailbox.poll(SCOPE, NODE, visibility=10 * SECOND))
    await bench.pass_time(9 * SECOND)
    assert not second.done()
    await bench.pass_time(2 * SECOND)
    assert [job()] == list(await second)


async def test_with_a_channel_open_a_poll_gives_nothing(bench):
    _, socket = await bench.connect()
    poll = asyncio.create_task(bench.mailbox.poll(SCOPE, NODE))
    await bench.pass_time(SECOND)

    await bench.mailbox.bring(SCOPE, NODE, job())
    await bench.pass_time(SECOND)

    assert not poll.done()
    assert [job().job_id] == socket.given()
    await bench.pass_time(POLL_LASTS)
    assert [] == list(await poll)


async def test_when_the_channel_is_lost_a_waiting_poll_takes_over(bench):
    channel, _ = await bench.connect()
    poll = asyncio.create_task(bench.mailbox.poll(SCOPE, NODE))
    await bench.pass_time(SECOND)
    bench.work.jobs[NODE] = [job()]
    await bench.mailbox.bring(SCOPE, NODE, job())

    bench.mailbox.detach(SCOPE, NODE, channel)
    await bench.pass_time(SECOND)

    assert [job()] == list(await poll)


async def test_a_poller_that_stays_away_is_forgotten(bench):
    bench.work.jobs[NODE] = [job()]
    await bench.mailbox.poll(SCOPE, NODE, visibility=600 * SECOND)
    await bench.pass_time(POLLER_REMEMBERED)
    assert [job()] == list(await bench.mailbox.poll(SCOPE, NODE))


async def test_a_poll_tells_when_the_storage_is_away(bench):
    bench.work.down = True
    with pytest.raises(Outage):
        await bench.mailbox.poll(SCOPE, NODE)
    bench.work.down = False
    bench.work.jobs[NODE] = [job()]
    assert [job()] == list(await bench.mailbox.poll(SCOPE, NODE))
