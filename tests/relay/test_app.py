"""The door: who gets in, how far, and what is said to the others."""

from datetime import timedelta

import pytest

from ostler.foundation.policy import Policy
from ostler.gateway.limits import Rate
from ostler.relay.app import Relay
from ostler.wire.agent import channels, jobs
from ostler.wire.agent.channels import MessageType, OpenControlChannel
from ostler.wire.agent.frames import decode
from ostler.wire.agent.jobs import Job, ReplyAck
from tests.relay.door import ADMIN, Connection, Door
from tests.relay.fakes import NODE, OTHER_NODE, SCOPE, a_reply, an_ack, job

COMMAND = "0f9d2c1e-1111-4222-8333-444455556666"
PATH = channels.control_channel_path(NODE)
OUTPUT = channels.output_path(COMMAND, "greet", "stdout")


@pytest.fixture
def door():
    return Door()


def test_it_serves_the_agents_paths_alone():
    assert Relay.serves("/v1/control-channel/mi-1")
    assert Relay.serves("/v1/data-channel/s")
    assert Relay.serves("/v1/output/a/b/stdout")
    assert not Relay.serves("/")
    assert not Relay.serves("/v1/other")


@pytest.mark.parametrize("path", ["/v1/other", "/v1/control%2Dchannel/x", "/v1/"])
async def test_other_paths_lead_nowhere(door, path):
    status, _, _ = await door.ask("POST", path)
    assert 404 == status


# The token.


async def test_a_node_is_given_a_token_for_its_channel(door):
    status, headers, body = await door.ask("POST", PATH, body=jobs.encode(channels.TokenRequest()))
    assert (201, "application/xml") == (status, headers["content-type"])
    assert channels.read_token_answer(body)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"path": channels.control_channel_path(OTHER_NODE)}, 403, "AccessDeniedException"),
        ({"who": ADMIN}, 403, "AccessDeniedException"),
        ({"who": None}, 403, "MissingAuthenticationTokenException"),
        ({"service": "ssm"}, 403, "InvalidSignatureException"),
        ({"secret": "wrong"}, 403, "InvalidSignatureException"),
        ({"age": timedelta(minutes=6)}, 403, "InvalidSignatureException"),
        ({"body": b" " * 20_000}, 413, "RequestEntityTooLarge"),
        ({"method": "PUT"}, 405, "MethodNotAllowed"),
    ],
)
async def test_others_are_refused_by_a_code_that_the_agent_can_find(door, change, status, code):
    given = {"method": "POST", "path": PATH, **change}
    answered, _, body = await door.ask(given.pop("method"), given.pop("path"), **given)
    assert status == answered
    assert f"<{code}>".encode() in body


async def test_a_role_that_does_not_allow_channels_forbids_them(door):
    door.policies = ()
    status, _, body = await door.ask("POST", PATH)
    assert 403 == status
    assert b"no identity-based policy allows the ssmmessages:CreateControlChannel" in body


async def test_with_control_channels_off_the_agent_is_told_to_poll():
    door = Door(control_channel=False)
    status, _, body = await door.ask("POST", PATH)
    assert 403 == status
    assert b"<AccessDeniedException>" in body
    status, body = await Connection(door).refused()
    assert 403 == status
    assert b"<AccessDeniedException>" in body


# The websocket.


async def test_a_node_converses_over_its_channel(door):
    door.work.jobs[NODE] = [job()]
    node = await Connection(door).open()

    frame = decode(await node.hear())
    assert job() == jobs.decode(frame.payload, Job)
    node.say(an_ack(frame))
    node.say(a_reply(job().job_id))
    await door.clock.advance(timedelta(milliseconds=10))
    ack = decode(await node.hear())

    assert MessageType.AGENT_JOB_REPLY_ACK == ack.message_type
    assert job().job_id == jobs.decode(ack.payload, ReplyAck).job_id
    assert [(job().job_id, "200")] == door.replies.acks
    assert 1 == len(door.replies.heard)


async def test_coming_and_going_is_told(door):
    node = await Connection(door).open()
    assert [("connected", NODE)] == door.presence.told
    await node.leave()
    assert [("connected", NODE), ("disconnected", NODE)] == door.presence.told


async def test_a_node_that_came_back_before_its_going_was_noticed_stays(door):
    old = await Connection(door).open()
    new = await Connection(door).open()
    assert 1001 == await old.closed()
    await old.leave()
    assert 2 * [("connected", NODE)] == door.presence.told
    await new.leave()
    assert ("disconnected", NODE) == door.presence.told[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"path": channels.control_channel_path(OTHER_NODE)},
        {"who": ADMIN},
        {"who": None},
        {"secret": "wrong"},
    ],
)
async def test_an_upgrade_by_another_is_refused(door, change):
    status, body = await Connection(door, **change).refused()
    assert 403 == status
    assert b"Exception>" in body
    assert [] == door.presence.told


@pytest.mark.parametrize(
    "first", [None, "", "{}", "[" * 5000, '{"TokenValue":"made up"}', b"\xff", b"{}"]
)
async def test_a_channel_without_a_good_token_is_closed(door, first):
    node = Connection(door)
    await node.connect()
    node.say(jobs.text(OpenControlChannel("forged")) if first is None else first)
    assert 1008 == await node.closed()
    assert [] == door.presence.told


async def test_a_token_opens_one_channel(door):
    token = await door.token()
    await Connection(door).open(token)
    second = Connection(door)
    await second.connect()
    second.say(jobs.text(OpenControlChannel(token)))
    assert 1008 == await second.closed()


async def test_a_token_may_come_in_a_binary_message(door):
    node = Connection(door)
    await node.connect()
    node.say(jobs.encode(OpenControlChannel(await door.token())))
    await door.settle()
    assert [("connected", NODE)] == door.presence.told


@pytest.mark.parametrize(
    ("garbage", "code"),
    [(b"", 1002), (b"garbage", 1002), (b"\0" * 200, 1002), ("text", 1003), (b"x" * 300_000, 1009)],
)
async def test_garbage_closes_its_own_connection_alone(door, garbage, code):
    hostile = await Connection(door).open()
    good = await Connection(door, who=OTHER_NODE).open()

    hostile.say(garbage)
    assert code == await hostile.closed()

    await door.mailbox.bring(SCOPE, OTHER_NODE, job(node=OTHER_NODE))
    assert MessageType.AGENT_JOB == decode(await good.hear()).message_type
    assert ("disconnected", NODE) == door.presence.told[-1]


async def test_a_node_that_reads_nothing_is_left(door):
    node = await Connection(door, reads=False).open()
    heavy = Job(job().job_id, jobs.SEND_COMMAND, "x" * 1_000_000)
    for number in range(6):
        await door.mailbox.bring(SCOPE, NODE, Job(f"{number}", heavy.topic, heavy.content))
    node.read_on()
    assert 1013 == await node.closed()


async def test_a_job_whose_acknowledgement_was_cut_off_comes_again(door):
    door.work.jobs[NODE] = [job()]
    node = await Connection(door).open()
    await node.hear()
    await node.leave()

    node = await Connection(door).open()

    assert job() == jobs.decode(decode(await node.hear()).payload, Job)


# What is kept of refusals.


@pytest.mark.parametrize("who", [OTHER_NODE, ADMIN])
async def test_who_speaks_for_another_node_is_on_record(door, who):
    await door.ask("POST", PATH, who=who)
    await Connection(door, path=PATH, who=who).refused()
    await door.ask("PUT", OUTPUT, query="offset=0", who=who)

    wanted = ["ssmmessages:CreateControlChannel", "ssmmessages:OpenControlChannel"]
    # A node brings output of its own alone: only who is none is refused there.
    wanted += ["ssmmessages:OpenControlChannel"] if who == ADMIN else []
    assert [(who, action, "AccessDeniedException") for action in wanted] == door.trail.noted


@pytest.mark.parametrize(
    ("first", "outcome"),
    [
        (jobs.text(OpenControlChannel("forged")), "InvalidToken"),
        ("[" * 5000, "BrokenMessage"),
        (b"\xff", "BrokenMessage"),
    ],
)
async def test_a_bad_first_message_is_on_record(door, first, outcome):
    node = Connection(door)
    await node.connect()
    node.say(first)
    await node.closed()
    assert [(NODE, "ssmmessages:OpenControlChannel", outcome)] == door.trail.noted


@pytest.mark.parametrize("garbage", [b"garbage", "text", b"x" * 300_000])
async def test_garbage_is_on_record(door, garbage):
    node = await Connection(door).open()
    node.say(garbage)
    await node.closed()
    assert [(NODE, "ssmmessages:OpenControlChannel", "BrokenFrame")] == door.trail.noted


async def test_an_answer_to_another_nodes_job_is_on_record(door):
    node = await Connection(door).open()
    node.say(a_reply(job(node=OTHER_NODE).job_id))
    await door.settle()
    assert [(NODE, "ssmmessages:OpenControlChannel", "AccessDeniedException")] == door.trail.noted
    assert job(node=OTHER_NODE).job_id in door.trail.reasons[0]
    assert {} == door.replies.heard


async def test_what_is_allowed_leaves_no_record(door):
    node = await Connection(door).open()
    await door.ask("PUT", OUTPUT, query="offset=0", body=b"hello")
    await node.leave()
    assert [] == door.trail.noted


async def test_policies_may_ask_where_a_node_calls_from(door):
    condition = {"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}}
    refusal = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    document = {"Version": "2012-10-17", "Statement": refusal}
    door.policies = (*door.policies, Policy.parse(document))

    status, _, _ = await door.ask("POST", PATH)

    assert 403 == status


# Data channels.


async def test_data_channels_are_not_served_yet(door):
    path = channels.data_channel_path("session-1")
    status, _, body = await door.ask("POST", path)
    assert 501 == status
    assert b"<NotYetImplemented>" in body
    status, body = await Connection(door, path=path).refused()
    assert 501 == status


# Whole output.


async def test_output_is_brought_and_resumed(door):
    status, headers, _ = await door.ask("PUT", OUTPUT, query="offset=0", body=b"hello")
    assert (200, "5") == (status, headers[channels.UPLOAD_OFFSET])
    status, headers, _ = await door.ask("PUT", OUTPUT, query="offset=3", body=b"other")
    assert (409, "5") == (status, headers[channels.UPLOAD_OFFSET])
    status, headers, _ = await door.ask("HEAD", OUTPUT)
    assert (200, "5") == (status, headers[channels.UPLOAD_OFFSET])
    await door.ask("PUT", OUTPUT, query="final=true&offset=5", body=b" world")
    assert {(NODE, COMMAND, "greet", "stdout"): b"hello world"} == door.output.kept
    assert {(NODE, COMMAND, "greet", "stdout")} == door.output.finished


async def test_output_is_kept_under_the_node_that_brings_it(door):
    await door.ask("PUT", OUTPUT, query="offset=0", body=b"hello", who=OTHER_NODE)
    assert [(OTHER_NODE, COMMAND, "greet", "stdout")] == list(door.output.kept)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"who": ADMIN}, 403),
        ({"who": None}, 403),
        ({"body": b"x" * (1024 * 1024 + 1)}, 413),
        ({"method": "DELETE"}, 405),
        ({"query": "offset=no"}, 400),
        ({"path": "/v1/output/../../etc"}, 400),
    ],
)
async def test_output_of_others_or_elsewhere_is_refused(door, change, status):
    given = {"method": "PUT", "path": OUTPUT, "query": "offset=0", "body": b"hello", **change}
    answered, _, _ = await door.ask(given.pop("method"), given.pop("path"), **given)
    assert status == answered
    assert {} == door.output.kept


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_let_go(door):
    await door.ask("PUT", OUTPUT, query="offset=0", body=b"hello", leaves=True)
    assert {} == door.output.kept


LARGE = b"x" * 100_000


async def test_what_a_stranger_brings_is_not_even_read(door):
    door.strangers.add(NODE)

    status, _, _ = await door.ask("PUT", OUTPUT, query="offset=0", body=LARGE)

    assert (403, 0) == (status, door.read)


async def test_only_so_much_is_in_memory_at_once():
    door = Door(room=len(LARGE) - 1)

    refused, _, _ = await door.ask("PUT", OUTPUT, query="offset=0", body=LARGE)
    small, _, _ = await door.ask("PUT", OUTPUT, query="offset=0", body=b"hello")

    assert (503, 200) == (refused, small)


async def test_output_has_a_rate_of_its_own():
    door = Door(rate=Rate(1, 2))
    pieces = [
        await door.ask("PUT", OUTPUT, query=f"offset={number}", body=b"x") for number in range(3)
    ]
    other = await door.ask("PUT", OUTPUT, query="offset=0", body=b"x", who=OTHER_NODE)
    await door.clock.advance(timedelta(seconds=1))
    later = await door.ask("PUT", OUTPUT, query="offset=2", body=b"x")

    assert [200, 200, 429] == [status for status, _, _ in pieces]
    assert (200, 200) == (other[0], later[0])
    assert await door.token()


async def test_a_node_that_asks_for_channels_all_the_time_has_to_wait():
    door = Door(rate=Rate(1, 2))
    path = channels.control_channel_path(NODE)

    asked = [(await door.ask("POST", path))[0] for _ in range(3)]

    assert [201, 201, 429] == asked
