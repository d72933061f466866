"""The relay's ports, kept in memory, and a node at the other end of a socket of lists."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ostler.foundation.call import Call
from ostler.foundation.clock import Clock, ManualClock
from ostler.foundation.ids import AccountId, NodeId, Region, SequentialIds
from ostler.foundation.storage import Scope
from ostler.relay.control_channel import ControlChannel
from ostler.relay.mailbox import Mailbox
from ostler.relay.ports import Acked, Heard
from ostler.relay.replies import Collector
from ostler.wire.agent import jobs
from ostler.wire.agent.channels import MessageType
from ostler.wire.agent.frames import Frame, decode, encode
from ostler.wire.agent.jobs import Job, JobAck, JobReply, PluginReply, ReplyContent

SCOPE = Scope(AccountId("123456789012"), Region("local-1"))
NODE = NodeId("mi-0123456789abcdef0")
OTHER_NODE = NodeId("mi-0fedcba9876543210")


def job(name: str = "one", *, node: NodeId = NODE, topic: str = jobs.SEND_COMMAND) -> Job:
    return Job(jobs.job_id(name, node), topic, "{}")


class Outage(Exception):
    """What a port raises while the storage behind it is away."""


class MemoryReplies:
    """Keeps replies by their message ids, and refuses those it is told to refuse."""

    def __init__(self) -> None:
        self.down = False
        self.poison: set[str] = set()
        self.heard: dict[str, Heard] = {}
        self.batches: list[int] = []
        self.acks: list[tuple[str, str]] = []

    async def record(self, replies: Sequence[Heard]) -> None:
        self.batches.append(len(replies))
        if self.down or any(heard.message_id in self.poison for heard in replies):
            raise Outage
        for heard in replies:
            self.heard.setdefault(heard.message_id, heard)

    async def acknowledged(self, acks: Sequence[Acked]) -> None:
        if self.down:
            raise Outage
        self.acks += [(ack.job_id, ack.code) for ack in acks]


class MemoryWork:
    """Knows what is pending by a list for each node, and how often it was asked."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0
        self.jobs: dict[NodeId, list[Job]] = {}

    async def pending(self, scope: Scope, node: NodeId) -> Sequence[Job]:
        self.asked += 1
        if self.down:
            raise Outage
        return list(self.jobs.get(node, ()))


class MemoryPresence:
    """Writes down who came and went."""

    def __init__(self) -> None:
        self.told: list[tuple[str, NodeId]] = []

    async def connected(self, scope: Scope, node: NodeId) -> None:
        self.told.append(("connected", node))

    async def disconnected(self, scope: Scope, node: NodeId) -> None:
        self.told.append(("disconnected", node))


@dataclass(frozen=True)
class Kept:
    length: int
    cut: bool = False


class MemoryOutput:
    """Keeps output in a dictionary, `most` bytes of each stream."""

    def __init__(self, *, most: int = 2**40) -> None:
        self.most = most
        self.kept: dict[tuple[str, ...], bytes] = {}
        self.finished: set[tuple[str, ...]] = set()
        self.delivered: list[tuple[str, ...]] = []

    async def append(
        self,
        scope: Scope,
        node: NodeId,
        command: str,
        step: str,
        stream: str,
        offset: int,
        data: bytes,
    ) -> Kept:
        place = (node, command, step, stream)
        kept = self.kept.get(place, b"")
        if offset == len(kept):
            kept = self.kept[place] = (kept + data)[: self.most]
        return Kept(len(kept), cut=len(kept) == self.most)

    async def length(self, scope: Scope, node: NodeId, command: str, step: str, stream: str) -> int:
        return len(self.kept.get((node, command, step, stream), b""))

    async def finish(
        self, scope: Scope, node: NodeId, command: str, step: str, stream: str
    ) -> None:
        self.finished.add((node, command, step, stream))

    async def deliver(self, call: Call, node: NodeId, command: str, step: str, stream: str) -> None:
        self.delivered.append((call.caller.arn, node, command, step, stream))


class MemoryTrail:
    """Writes down who was refused what, and why."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str, str]] = []
        self.reasons: list[str] = []

    def note(self, call: Call, given: Mapping[str, str], outcome: str) -> None:
        self.noted.append((call.caller.access_key, call.action, outcome))
        self.reasons.append(given["reason"])


class MemorySpent:
    """Remembers what was spent, for good."""

    def __init__(self) -> None:
        self._spent: set[str] = set()

    async def spend(self, digest: str, until: datetime) -> bool:
        fresh = digest not in self._spent
        self._spent.add(digest)
        return fresh


class ListSocket:
    """What was sent to a node, as frames."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed: int | None = None

    def send(self, data: bytes) -> None:
        self.frames.append(decode(data))

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def of(self, message_type: MessageType) -> list[Frame]:
        return [frame for frame in self.frames if frame.message_type == message_type]

    def given(self) -> list[str]:
        """The ids of the jobs that arrived, each as often as it did."""
        return [jobs.decode(frame.payload, Job).job_id for frame in self.of(MessageType.AGENT_JOB)]


class Bench:
    """A relay without a network: the parts, their clock, and the ports behind them."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.ids = SequentialIds()
        self.replies = MemoryReplies()
        self.work = MemoryWork()
        self.presence = MemoryPresence()
        self.output = MemoryOutput()
        self.trail = MemoryTrail()
        self.foreign: list[str] = []
        self.mailbox = Mailbox(self.work, self.clock)
        self.collector = Collector(self.replies, self.clock)

    async def pass_time(self, delay: timedelta) -> None:
        """Let `delay` pass with the mailbox at work."""
        assert isinstance(self.clock, ManualClock)
        running = asyncio.create_task(self.mailbox.run())
        await self.clock.advance(delay)
        running.cancel()

    async def connect(self, node: NodeId = NODE) -> tuple[ControlChannel, ListSocket]:
        """Open a control channel for `node`."""
        socket = ListSocket()
        channel = ControlChannel(
            socket,
            SCOPE,
            node,
            mailbox=self.mailbox,
            collector=self.collector,
            clock=self.clock,
            ids=self.ids,
            foreign=self.foreign.append,
        )
        self.mailbox.attach(SCOPE, node, channel)
        await self.mailbox.collect(SCOPE, node)
        return channel, socket


def an_ack(frame: Frame, code: str = "200", clock: Clock | None = None) -> bytes:
    """What an agent answers to the job in `frame`."""
    job_id = jobs.decode(frame.payload, Job).job_id
    ack = JobAck(job_id, str(frame.message_id), "2026-01-01T00:00:00.000Z", code, "")
    return encode(Frame(MessageType.AGENT_JOB_ACK, UUID(int=1), jobs.encode(ack), created_ms=1))


def a_reply(
    job_id: str, *, message: int = 7, status: str = "Success", output: str = "hello\n"
) -> bytes:
    """What an agent tells about one step of a job."""
    content = ReplyContent(status, {"greet": PluginReply(status, standard_output=output)})
    reply = JobReply(job_id, jobs.SEND_COMMAND, jobs.text(content))
    return encode(
        Frame(MessageType.AGENT_JOB_REPLY, UUID(int=message), jobs.encode(reply), created_ms=1)
    )
