"""The control channel: what the stock agent says is understood, whatever happens on the way."""

import asyncio
import contextlib
import json
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.relay.control_channel import MOST_UNSETTLED
from ostler.wire.agent import jobs
from ostler.wire.agent.channels import MessageType
from ostler.wire.agent.frames import BrokenFrame, Frame, encode
from ostler.wire.agent.jobs import AckCode, Job, JobReply, ReplyAck
from tests.relay.fakes import NODE, OTHER_NODE, SCOPE, Bench, a_reply, an_ack, job

MOMENT = timedelta(milliseconds=10)
SECOND = timedelta(seconds=1)


@pytest.fixture
def bench():
    return Bench()


def acknowledged(socket):
    """The message ids of the replies that the node may forget."""
    return [
        jobs.decode(frame.payload, ReplyAck).acknowledged_message_id
        for frame in socket.of(MessageType.AGENT_JOB_REPLY_ACK)
    ]


async def test_a_job_is_a_frame_as_the_agent_reads_it(bench):
    _, socket = await bench.connect()
    await bench.mailbox.bring(SCOPE, NODE, job())
    [frame] = socket.frames
    assert MessageType.AGENT_JOB == frame.message_type
    assert 1767225600000 == frame.created_ms
    assert job() == jobs.decode(frame.payload, Job)


@pytest.mark.parametrize("code", [AckCode.ACCEPTED, AckCode.DUPLICATE])
async def test_an_accepted_job_is_with_the_node(bench, code):
    bench.work.jobs[NODE] = [job()]
    channel, socket = await bench.connect()

    channel.received(an_ack(socket.frames[0], code))
    await bench.pass_time(60 * SECOND)

    assert [(job().job_id, code)] == bench.replies.acks
    assert [job().job_id] == socket.given()


@pytest.mark.parametrize("code", [AckCode.INVALID_DOCUMENT, AckCode.UNREADABLE, "51999"])
async def test_a_refused_job_is_told_and_not_sent_again(bench, code):
    bench.work.jobs[NODE] = [job()]
    channel, socket = await bench.connect()

    channel.received(an_ack(socket.frames[0], code))
    await bench.pass_time(60 * SECOND)

    assert [(job().job_id, code)] == bench.replies.acks
    assert [job().job_id] == socket.given()


async def test_a_job_that_could_not_be_read_is_known_by_its_message(bench):
    """The agent leaves the job's id empty when it could not read even that."""
    bench.work.jobs[NODE] = [job()]
    channel, socket = await bench.connect()
    told = json.loads(an_ack(socket.frames[0], AckCode.UNREADABLE)[120:])
    told["jobId"] = ""

    payload = json.dumps(told).encode()
    channel.received(encode(Frame(MessageType.AGENT_JOB_ACK, UUID(int=1), payload, created_ms=1)))
    await bench.clock.advance(MOMENT)

    assert [(job().job_id, AckCode.UNREADABLE)] == bench.replies.acks


@pytest.mark.parametrize("code", [AckCode.FULL, AckCode.CLOSED])
async def test_a_full_node_gets_the_job_later(bench, code):
    bench.work.jobs[NODE] = [job()]
    channel, socket = await bench.connect()

    channel.received(an_ack(socket.frames[0], code))
    await bench.pass_time(4 * SECOND)
    assert [job().job_id] == socket.given()
    await bench.pass_time(2 * SECOND)

    assert 2 == len(socket.given())
    assert [] == bench.replies.acks


async def test_a_full_node_gets_the_job_as_soon_as_another_has_ended(bench):
    bench.work.jobs[NODE] = [job("one"), job("two")]
    channel, socket = await bench.connect()
    channel.received(an_ack(socket.frames[0]))
    for _ in range(3):
        channel.received(an_ack(socket.frames[1], AckCode.FULL))
        await bench.pass_time(20 * SECOND)
    given = socket.given().count(job("two").job_id)
    channel.received(an_ack(socket.frames[1], AckCode.FULL))

    channel.received(a_reply(job("one").job_id))
    await bench.pass_time(2 * SECOND)

    assert given + 1 == socket.given().count(job("two").job_id)


async def test_a_reply_is_acknowledged_only_after_it_is_kept(bench):
    channel, socket = await bench.connect()
    channel.received(a_reply(job().job_id, message=7))
    assert [] == acknowledged(socket)

    await bench.clock.advance(MOMENT)

    [heard] = bench.replies.heard.values()
    assert (job().job_id, NODE, "Success") == (
        heard.job_id,
        heard.node,
        heard.reply.document_status,
    )
    assert "hello\n" == heard.reply.runtime_status["greet"].standard_output
    assert [str(UUID(int=7))] == acknowledged(socket)


async def test_a_reply_that_could_not_be_kept_is_not_acknowledged(bench):
    bench.replies.down = True
    channel, socket = await bench.connect()
    channel.received(a_reply(job().job_id, message=7))
    await bench.clock.advance(MOMENT)
    assert [] == acknowledged(socket)

    bench.replies.down = False
    channel.received(a_reply(job().job_id, message=7))
    await bench.clock.advance(MOMENT)
    assert [str(UUID(int=7))] == acknowledged(socket)


async def test_a_reply_heard_twice_is_acknowledged_twice_and_kept_once(bench):
    """Its first acknowledgement may have been lost on the way."""
    channel, socket = await bench.connect()
    for _ in range(2):
        channel.received(a_reply(job().job_id, message=7))
        await bench.clock.advance(MOMENT)
    assert 1 == len(bench.replies.heard)
    assert 2 * [str(UUID(int=7))] == acknowledged(socket)


async def test_a_reply_shows_that_the_job_arrived_although_no_acknowledgement_did(bench):
    bench.work.jobs[NODE] = [job()]
    channel, socket = await bench.connect()
    channel.received(a_reply(job().job_id, status="InProgress"))
    await bench.pass_time(60 * SECOND)
    assert [job().job_id] == socket.given()


async def test_a_connection_lost_before_the_acknowledgement_gives_the_job_again(bench):
    bench.work.jobs[NODE] = [job()]
    channel, _ = await bench.connect()
    bench.mailbox.detach(SCOPE, NODE, channel)

    channel, socket = await bench.connect()

    assert [job().job_id] == socket.given()
    channel.received(an_ack(socket.frames[0], AckCode.DUPLICATE))
    await bench.clock.advance(MOMENT)
    assert [(job().job_id, AckCode.DUPLICATE)] == bench.replies.acks


async def test_a_connection_lost_while_a_reply_is_kept_harms_nobody(bench):
    channel, _ = await bench.connect()
    channel.received(a_reply(job().job_id))
    bench.mailbox.detach(SCOPE, NODE, channel)
    await bench.clock.advance(MOMENT)
    assert 1 == len(bench.replies.heard)


async def test_an_acknowledgement_that_could_not_be_kept_lets_the_job_be_sent_again(bench):
    bench.work.jobs[NODE] = [job()]
    channel, socket = await bench.connect()
    bench.replies.down = True
    channel.received(an_ack(socket.frames[0]))
    await bench.pass_time(6 * SECOND)
    assert 2 == len(socket.given())


async def test_a_reply_about_another_nodes_job_is_neither_kept_nor_acknowledged(bench):
    channel, socket = await bench.connect()
    channel.received(a_reply(job(node=OTHER_NODE).job_id))
    await bench.clock.advance(MOMENT)
    assert {} == bench.replies.heard
    assert [] == acknowledged(socket)


async def test_an_acknowledgement_for_another_nodes_job_changes_nothing(bench):
    theirs = job(node=OTHER_NODE)
    bench.work.jobs[OTHER_NODE] = [theirs]
    channel, _ = await bench.connect()
    _, their_socket = await bench.connect(OTHER_NODE)
    channel.received(an_ack(their_socket.frames[0]))
    await bench.clock.advance(MOMENT)
    assert [] == bench.replies.acks


async def test_what_cannot_be_read_is_passed_over(bench):
    channel, socket = await bench.connect()
    for payload in (b"", b"[]", b'{"jobId":7}', jobs.encode(JobReply(job().job_id, "t", "no"))):
        channel.received(
            encode(Frame(MessageType.AGENT_JOB_REPLY, UUID(int=1), payload, created_ms=1))
        )
    channel.received(a_reply(job().job_id))
    await bench.clock.advance(MOMENT)
    assert 1 == len(bench.replies.heard)
    assert socket.closed is None


async def test_telemetry_is_ignored(bench):
    channel, socket = await bench.connect()
    channel.received(encode(Frame("agent_telemetry", UUID(int=1), b"{}", created_ms=1)))
    assert [] == socket.frames


async def test_the_end_of_a_session_is_acknowledged(bench):
    channel, socket = await bench.connect()
    payload = b'{"SchemaVersion":1,"TaskId":"s-1","Topic":"agent_task_complete"}'
    channel.received(
        encode(Frame(MessageType.AGENT_TASK_COMPLETE, UUID(int=5), payload, created_ms=1))
    )
    [frame] = socket.of(MessageType.AGENT_TASK_ACKNOWLEDGE)
    assert {
        "MessageId": str(UUID(int=5)),
        "TaskId": "s-1",
        "Topic": "agent_task_complete",
        "SchemaVersion": 1,
    } == json.loads(frame.payload)


async def test_a_flood_of_replies_is_bounded(bench):
    channel, _ = await bench.connect()
    for number in range(MOST_UNSETTLED + 10):
        channel.received(a_reply(job().job_id, message=number))
    await bench.clock.advance(MOMENT)
    assert MOST_UNSETTLED == len(bench.replies.heard)
    channel.received(a_reply(job().job_id, message=1000))
    await bench.clock.advance(MOMENT)
    assert MOST_UNSETTLED + 1 == len(bench.replies.heard)


pieces = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda kind, payload: encode(Frame(kind, UUID(int=1), payload, created_ms=1)),
        st.sampled_from(list(MessageType)),
        st.one_of(
            st.binary(max_size=60),
            st.recursive(
                st.none() | st.integers() | st.text(max_size=8),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["jobId", "content", "statusCode", "TaskId", "topic"]),
                        inner,
                        max_size=5,
                    )
                ),
            ).map(lambda value: json.dumps(value).encode()),
        ),
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=8))
def test_no_bytes_break_the_relay_for_others(data):
    """Garbage ends its own connection at most; another node is served as ever."""

    async def story():
        bench = Bench()
        hostile, _ = await bench.connect()
        good, socket = await bench.connect(OTHER_NODE)
        for piece in data:
            with contextlib.suppress(BrokenFrame):
                hostile.received(piece)
        good.received(a_reply(job(node=OTHER_NODE).job_id, message=9))
        await bench.clock.advance(MOMENT)
        assert [str(UUID(int=9))] == acknowledged(socket)

    asyncio.run(story())
