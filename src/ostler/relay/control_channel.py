"""One node's control channel: jobs down, acknowledgements and replies up.

It knows the protocol and not the socket: anything that can send bytes and be closed will do.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids, NodeId
from ostler.foundation.storage import Scope
from ostler.relay.mailbox import Mailbox
from ostler.relay.ports import Acked, Heard
from ostler.relay.replies import Collector
from ostler.wire.agent import jobs
from ostler.wire.agent.channels import MessageType
from ostler.wire.agent.frames import Frame, decode, encode
from ostler.wire.agent.jobs import (
    AckCode,
    BrokenMessage,
    Job,
    JobAck,
    JobReply,
    ReplyAck,
    ReplyContent,
    TaskAck,
    TaskComplete,
)

log = structlog.get_logger()

# A node waits for the answer to each reply, so few are ever open at once. What is beyond is not
# acknowledged, and the node sends it again.
MOST_UNSETTLED = 64
TASK_COMPLETE_TOPIC = "agent_task_complete"

_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TAKEN = {AckCode.ACCEPTED, AckCode.DUPLICATE}
_LATER = {AckCode.FULL, AckCode.CLOSED}


class Socket(Protocol):
    """What a channel needs of a connection; neither call waits for the peer."""

    def send(self, data: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class ControlChannel:
    """The conversation with one node over one connection.

    `foreign` is told of a job that the node answers for and that is another's.
    """

    def __init__(
        self,
        socket: Socket,
        scope: Scope,
        node: NodeId,
        *,
        mailbox: Mailbox,
        collector: Collector,
        clock: Clock,
        ids: Ids,
        foreign: Callable[[str], object],
    ) -> None:
        self._socket = socket
        self._scope = scope
        self._node = node
        self._mailbox = mailbox
        self._collector = collector
        self._clock = clock
        self._ids = ids
        self._foreign = foreign
        self._unsettled = 0

    def give(self, job: Job) -> str:
        """Send `job`; the id of the frame that carries it."""
        return self._send(MessageType.AGENT_JOB, jobs.encode(job))

    def close(self, code: int, reason: str) -> None:
        self._socket.close(code, reason)

    def received(self, data: bytes) -> None:
        """Hear one frame; BrokenFrame when `data` is none.

        A frame whose payload cannot be read is passed over: the node would only connect again
        and repeat it, and its other commands would suffer.
        """
        frame = decode(data)
        try:
            match frame.message_type:
                case MessageType.AGENT_JOB_ACK:
                    self._job_acknowledged(frame)
                case MessageType.AGENT_JOB_REPLY:
                    self._replied(frame)
                case MessageType.AGENT_TASK_COMPLETE:
                    self._task_complete(frame)
                case _:
                    # Telemetry, for one, which expects no answer.
                    log.debug("message_ignored", node_id=self._node, kind=frame.message_type)
        except BrokenMessage as fault:
            log.warning(
                "message_refused",
                node_id=self._node,
                kind=frame.message_type,
                message_id=str(frame.message_id),
                reason=str(fault),
            )

    def _job_acknowledged(self, frame: Frame) -> None:
        ack = jobs.decode(frame.payload, JobAck)
        job_id = self._mailbox.job_of(
            self._scope, self._node, ack.job_id, ack.acknowledged_message_id
        )
        if job_id is None:
            log.debug("acknowledgement_ignored", node_id=self._node, job_id=ack.job_id)
            return
        if ack.code in _LATER:
            self._mailbox.deferred(self._scope, self._node, job_id)
            return
        if ack.code not in _TAKEN:
            log.warning(
                "job_refused",
                node_id=self._node,
                job_id=job_id,
                code=ack.code,
                reason=ack.error_message,
            )
        answer = Acked(self._scope, self._node, job_id, ack.code, ack.error_message)
        self._keep(answer, lambda: self._settled(job_id))

    def _replied(self, frame: Frame) -> None:
        told = jobs.decode(frame.payload, JobReply)
        if jobs.node_of(told.job_id) != self._node:
            self._foreign(told.job_id)
            raise BrokenMessage(f"job {told.job_id} is not one of this node's")
        reply = jobs.decode(told.content, ReplyContent)
        message_id = str(frame.message_id)

        def kept() -> None:
            self._settled(told.job_id)
            if jobs.is_final(reply.document_status):
                self._mailbox.room(self._scope, self._node)
            self._send(
                MessageType.AGENT_JOB_REPLY_ACK, jobs.encode(ReplyAck(told.job_id, message_id))
            )

        heard = Heard(self._scope, self._node, told.job_id, message_id, reply, told.topic)
        self._keep(heard, kept)

    def _task_complete(self, frame: Frame) -> None:
        told = jobs.decode(frame.payload, TaskComplete)
        answer = TaskAck(str(frame.message_id), told.task_id, told.topic or TASK_COMPLETE_TOPIC)
        self._send(MessageType.AGENT_TASK_ACKNOWLEDGE, jobs.encode(answer))

    def _keep(self, answer: Heard | Acked, then: Callable[[], object]) -> None:
        """Have `answer` kept for good, and do `then` when it is."""
        if self._unsettled >= MOST_UNSETTLED:
            log.warning("answer_dropped", node_id=self._node, job_id=answer.job_id)
            return

        def done(kept: asyncio.Future[bool]) -> None:
            self._unsettled -= 1
            if not kept.cancelled() and kept.result():
                then()

        self._unsettled += 1
        self._collector.take(answer).add_done_callback(done)

    def _settled(self, job_id: str) -> None:
        self._mailbox.settled(self._scope, self._node, job_id)

    def _send(self, message_type: MessageType, payload: bytes) -> str:
        message_id = UUID(self._ids.uuid())
        created_ms = (self._clock.now() - _EPOCH) // _MILLISECOND
        self._socket.send(encode(Frame(message_type, message_id, payload, created_ms=created_ms)))
        return str(message_id)
