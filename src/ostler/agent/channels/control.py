"""The control channel: one websocket over which jobs come and replies go."""

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

from ostler.agent import NAME, VERSION
from ostler.agent.calls import Calls
from ostler.agent.channels.polling import Polling
from ostler.agent.network import Network, NetworkFault, Socket
from ostler.agent.replies import Reply, Words
from ostler.agent.reporter import Reporter
from ostler.agent.retries import Retries
from ostler.agent.waiting import first
from ostler.agent.worker import Worker
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.wire.agent import jobs
from ostler.wire.agent.channels import (
    CONTROL_CHANNEL_QUERY,
    SERVICE,
    MessageType,
    OpenControlChannel,
    TokenRequest,
    control_channel_path,
    read_token_answer,
)
from ostler.wire.agent.frames import BrokenFrame, Frame, decode, encode
from ostler.wire.agent.jobs import (
    AckCode,
    BrokenMessage,
    Job,
    JobAck,
    JobReply,
    ReplyAck,
    iso8601,
)
from ostler.wire.http import Request

PING_EVERY = timedelta(seconds=54)
PONG_WITHIN = timedelta(seconds=60)
STEADY = timedelta(seconds=60)
"""A channel that was open for so long was not refused."""

log = logging.getLogger(__name__)


class PollingWanted(NetworkFault):
    """The server does not let this node have a control channel."""


class ControlChannel:
    """Keeps a control channel open, or polls while the server will not have one."""

    def __init__(
        self,
        network: Network,
        calls: Calls,
        worker: Worker,
        reporter: Reporter,
        words: Words,
        polling: Polling,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._network = network
        self._calls = calls
        self._worker = worker
        self._reporter = reporter
        self._words = words
        self._polling = polling
        self._clock = clock
        self._ids = ids
        self._retries = Retries(ids)
        self.open = False
        self.reached = asyncio.Event()
        """Set once jobs can come, over a channel or by polling."""

    @property
    def kind(self) -> str:
        """What the server is told about the line that jobs come over."""
        return "ec2messages" if self._polling.active else "ssmmessages" if self.open else ""

    async def run(self) -> None:
        """Open the channel again and again, for ever."""
        while True:
            began = self._clock.now()
            try:
                await self._once()
            except PollingWanted as refusal:
                log.warning("channel_refused because=%s instead=polling", refusal)
                self._polling.start()
                self.reached.set()
            except (NetworkFault, BrokenMessage) as fault:
                log.warning("channel_lost because=%s", fault)
            finally:
                self.open = False
            if self._clock.now() - began >= STEADY:
                self._retries.reset()
            await self._clock.sleep(self._retries.next())

    async def _once(self) -> None:
        """Open the channel and use it until it breaks."""
        socket = await self._connect()
        self.open = True
        self.reached.set()
        log.info("channel_open node=%s", self._calls.node)
        await self._polling.stop()
        line = _ControlLine(socket, self._clock, self._ids)
        tasks = [
            asyncio.create_task(self._read(socket, line)),
            asyncio.create_task(self._ping(socket)),
            asyncio.create_task(self._reporter.carry(line)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await socket.close()

    async def _connect(self) -> Socket:
        path = control_channel_path(self._calls.node)
        headers = {"content-type": "application/json", "user-agent": f"{NAME}/{VERSION}"}
        body = jobs.encode(TokenRequest(self._ids.uuid()))
        answer = await self._calls.send(Request("POST", path, "", headers, body), service=SERVICE)
        if answer.status != 201:
            said = answer.body[:300].decode(errors="replace")
            if "<AccessDeniedException>" in said:
                raise PollingWanted(said)
            raise NetworkFault(f"no token: the server answered {answer.status} {said}")
        token = read_token_answer(answer.body)
        upgrade = Request("GET", path, CONTROL_CHANNEL_QUERY)
        socket = await self._network.open(await self._calls.signed(upgrade, service=SERVICE))
        opening = OpenControlChannel(token, self._ids.uuid(), VERSION, "linux")
        await socket.send(jobs.text(opening))
        return socket

    async def _ping(self, socket: Socket) -> None:
        while True:
            await self._clock.sleep(PING_EVERY)
            pong = asyncio.ensure_future(await socket.ping(b"keepalive"))
            await first(pong, self._clock.sleep(PONG_WITHIN))
            if not pong.done():
                raise NetworkFault("the server does not answer pings")

    async def _read(self, socket: Socket, line: "_ControlLine") -> None:
        while True:
            message = await socket.receive()
            try:
                frame = decode(message.encode() if isinstance(message, str) else message)
                await self._take(frame, line)
            except (BrokenFrame, BrokenMessage) as fault:
                log.warning("frame_unreadable because=%s", fault)

    async def _take(self, frame: Frame, line: "_ControlLine") -> None:
        match frame.message_type:
            case MessageType.AGENT_JOB:
                await self._take_job(jobs.decode(frame.payload, Job), frame, line)
            case MessageType.AGENT_JOB_REPLY_ACK:
                ack = jobs.decode(frame.payload, ReplyAck)
                self._reporter.acknowledged(ack.acknowledged_message_id.lower())
            case unknown:
                log.warning("frame_ignored type=%s", unknown)

    async def _take_job(self, job: Job, frame: Frame, line: "_ControlLine") -> None:
        code = self._worker.receive(job)
        log.info("job_received job=%s answered=%s", job.job_id, code.value)
        try:
            await line.acknowledge(job, frame, code)
            if code is AckCode.ACCEPTED:
                under_way = self._words.under_way(self._clock.now())
                await line.reply(Reply(self._ids.uuid(), job.job_id, job.topic, under_way))
        finally:
            # Also when the line broke over it: the job is written down, the server asks again.
            self._worker.begin_waiting()


class _ControlLine:
    """A control channel, as replies see it."""

    def __init__(self, socket: Socket, clock: Clock, ids: Ids) -> None:
        self._socket = socket
        self._clock = clock
        self._ids = ids

    async def acknowledge(self, job: Job, frame: Frame, code: AckCode) -> None:
        words = "Successful" if code is AckCode.ACCEPTED else code.name.lower().replace("_", " ")
        now = iso8601(self._clock.now())
        ack = JobAck(job.job_id, str(frame.message_id), now, code.value, words)
        await self._send(MessageType.AGENT_JOB_ACK, UUID(self._ids.uuid()), jobs.encode(ack))

    async def reply(self, reply: Reply) -> bool:
        payload = jobs.encode(JobReply(reply.job_id, reply.topic, reply.content))
        await self._send(MessageType.AGENT_JOB_REPLY, UUID(reply.message_id), payload)
        return False

    async def _send(self, kind: MessageType, message_id: UUID, payload: bytes) -> None:
        created = int(self._clock.now().timestamp() * 1000)
        await self._socket.send(encode(Frame(kind, message_id, payload, created_ms=created)))
