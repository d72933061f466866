"""Polling: the same jobs and replies, fetched and brought by a node that has no channel."""

import asyncio
from datetime import timedelta

import pytest

from ostler.foundation.call import Call, Caller
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.policy import Policy
from ostler.gateway.dispatch import Dispatch
from ostler.relay.polling import InternalServerException, InvalidMessageIdException, Operations
from ostler.wire import models
from ostler.wire.agent import jobs
from ostler.wire.agent.jobs import ReplyContent
from tests.relay.fakes import NODE, OTHER_NODE, SCOPE, Bench, job

SECOND = timedelta(seconds=1)
POLICY = Policy.parse(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "ec2messages:*", "Resource": "*"},
    }
)
REPLY_ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def node(bench):
    return Polling(bench)


class Polling:
    """A node that polls."""

    def __init__(self, bench):
        self._bench = bench
        self._operations = Operations(
            bench.mailbox, bench.collector, bench.clock, endpoint="ec2messages.local"
        )

    async def ask(self, operation, *, caller=NODE, policies=(POLICY,), **given):
        call = Call(
            SCOPE,
            Caller("arn:aws:sts::123456789012:assumed-role/r/n", SCOPE.account, "id", policies)
            if caller is None
            else Caller("arn", SCOPE.account, "id", policies, node=caller),
            "request",
            f"ec2messages:{operation}",
            self._bench.clock.now(),
        )
        answering = Dispatch([self._operations]).method("ec2messages", operation)
        asking = asyncio.create_task(answering(call, given))
        await self._bench.clock.advance(timedelta(milliseconds=10))
        answer = await asking
        assert call.asked
        assert set(answer) <= set(models.operation("ec2messages", operation).output_shape.members)
        return answer

    async def messages(self):
        answer = await self.ask("GetMessages", Destination=NODE, MessagesRequestId=REPLY_ID)
        return answer["Messages"]


def test_every_operation_of_the_model_is_answered(bench):
    operations = Operations(bench.mailbox, bench.collector, bench.clock, endpoint="e")
    assert set(models.model("ec2messages").operation_names) == {
        name for _, name in Dispatch([operations]).answered()
    }


async def test_a_message_is_what_the_agent_demands(bench, node):
    bench.work.jobs[NODE] = [job()]
    [message] = await node.messages()
    assert {
        "MessageId": job().job_id,
        "Destination": NODE,
        "CreatedDate": "2026-01-01T00:00:00.000Z",
        "Topic": "aws.ssm.sendCommand.local-1",
        "Payload": "{}",
    } == message


async def test_an_acknowledged_message_is_not_given_again(bench, node):
    bench.work.jobs[NODE] = [job()]
    await node.messages()

    await node.ask("AcknowledgeMessage", MessageId=job().job_id)

    assert [(job().job_id, "200")] == bench.replies.acks
    assert frozenset() == bench.mailbox.waiting(SCOPE, NODE)


async def test_a_reply_is_kept_before_it_is_answered(bench, node):
    payload = jobs.text(ReplyContent("Success"))
    answer = await node.ask("SendReply", MessageId=job().job_id, Payload=payload, ReplyId=REPLY_ID)
    assert REPLY_ID == answer["ReplyId"]
    [heard] = bench.replies.heard.values()
    assert (job().job_id, REPLY_ID, "Success") == (
        heard.job_id,
        heard.message_id,
        heard.reply.document_status,
    )


async def test_a_reply_settles_its_message(bench, node):
    """An agent that cannot parse the document replies that it failed, and nothing else."""
    bench.work.jobs[NODE] = [job()]
    await node.messages()
    payload = jobs.text(ReplyContent("Failed"))
    await node.ask("SendReply", MessageId=job().job_id, Payload=payload, ReplyId=REPLY_ID)
    assert frozenset() == bench.mailbox.waiting(SCOPE, NODE)


async def test_a_reply_that_cannot_be_kept_is_our_fault(bench, node):
    bench.replies.down = True
    with pytest.raises(InternalServerException):
        await node.ask(
            "SendReply",
            MessageId=job().job_id,
            Payload=jobs.text(ReplyContent("Success")),
            ReplyId=REPLY_ID,
        )


async def test_a_reply_that_cannot_be_read_is_the_agents_fault(node):
    with pytest.raises(ValidationException):
        await node.ask("SendReply", MessageId=job().job_id, Payload="no", ReplyId=REPLY_ID)


@pytest.mark.parametrize(
    ("failure", "code"), [("NoHandlerExists", "51403"), ("InternalHandlerException", "51499")]
)
async def test_a_failed_message_is_told_as_a_refused_job(bench, node, failure, code):
    await node.ask("FailMessage", MessageId=job().job_id, FailureType=failure)
    assert [(job().job_id, code)] == bench.replies.acks


async def test_a_deleted_message_is_done_with(bench, node):
    await node.ask("DeleteMessage", MessageId=job().job_id)
    assert [(job().job_id, "200")] == bench.replies.acks


async def test_an_endpoint_is_told(node):
    answer = await node.ask("GetEndpoint", Destination=NODE)
    assert {"Endpoint": "ec2messages.local"} == answer


CALLS = [
    ("GetMessages", {"Destination": NODE, "MessagesRequestId": REPLY_ID}),
    ("GetEndpoint", {"Destination": NODE}),
    ("AcknowledgeMessage", {"MessageId": job().job_id}),
    ("DeleteMessage", {"MessageId": job().job_id}),
    ("FailMessage", {"MessageId": job().job_id, "FailureType": "NoHandlerExists"}),
    ("SendReply", {"MessageId": job().job_id, "Payload": "{}", "ReplyId": REPLY_ID}),
]


@pytest.mark.parametrize("caller", [OTHER_NODE, None])
@pytest.mark.parametrize(("operation", "given"), CALLS)
async def test_only_the_node_itself_may(bench, node, operation, given, caller):
    bench.work.jobs[NODE] = [job()]
    with pytest.raises(AccessDeniedException, match="only the node itself"):
        await node.ask(operation, caller=caller, **given)
    assert ([], {}) == (bench.replies.acks, bench.replies.heard)


@pytest.mark.parametrize(("operation", "given"), CALLS)
async def test_a_role_that_does_not_allow_it_forbids_it(node, operation, given):
    with pytest.raises(AccessDeniedException, match="no identity-based policy allows"):
        await node.ask(operation, policies=(), **given)


async def test_an_id_that_is_none_is_refused(node):
    with pytest.raises(InvalidMessageIdException):
        await node.ask("AcknowledgeMessage", MessageId="no-message-of-ours")
