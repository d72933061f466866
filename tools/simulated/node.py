"""One simulated node: credentials, heartbeats, a control channel, and work that it pretends."""

import asyncio
import logging
import random
import ssl
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from ostler.agent.calls import Calls, Refused, Token
from ostler.agent.network import Endpoint, NetworkFault
from ostler.agent.registration import NodeCalls, Registration, RoleToken
from ostler.foundation.clock import SystemClock
from ostler.wire.agent import channels, jobs
from ostler.wire.agent.channels import MessageType
from ostler.wire.agent.frames import Frame, decode, encode
from ostler.wire.agent.jobs import AckCode, Job, JobReply, PluginReply, ReplyContent, ReplyStatus
from ostler.wire.http import Request
from tools.simulated.keys import Key
from tools.simulated.line import Line

VERSION = "3.3.987.0"
HEARTBEAT_EVERY = 300.0
ROOM = 10
"""Jobs that a stock agent has at once: five at work and five that wait."""
IDENTITY = jobs.AgentIdentity("en-US", "amazon-ssm-agent", "Debian GNU/Linux", "12", VERSION)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manner:
    """How the nodes of a fleet behave."""

    seconds: tuple[float, float] = (0.0, 0.0)
    """The least and the most that a document takes."""
    failing: float = 0.0
    """The share of documents that fail."""
    repeat: float = 300.0
    """Seconds after which a reply that nobody acknowledged is sent again; the stock agent's 300."""
    reconnect: tuple[float, float] = (0.0, 2.5)
    """The least and the most that a node whose line was cut waits before it comes back."""
    patience: float = 30.0
    """The longest that a node waits before it tries again what has failed."""
    at_once: int = 8
    """How many requests and openings are under way at the same time, of all nodes together."""


class Home(Protocol):
    """What a node needs of the fleet that it belongs to."""

    manner: Manner
    chance: random.Random
    clock: SystemClock
    endpoint: Endpoint
    region: str
    tls: ssl.SSLContext
    network: Any
    turns: asyncio.Semaphore


class Node:
    """One simulated node: what it knows, and what it does about it."""

    def __init__(self, fleet: Home, node: str, name: str, key: Key, fingerprint: str) -> None:
        self.fleet = fleet
        self.id, self.name, self.key, self.fingerprint = node, name, key, fingerprint
        self.line: Line | None = None
        self.begun: Counter[str] = Counter()
        self.unheard: dict[str, bytes] = {}
        """The replies that nobody acknowledged, as the frames that carry them."""
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._token: Token | None = None
        self._tokens = asyncio.Event()
        self._stale = asyncio.Event()
        registration = Registration(node, fleet.region, fleet.endpoint.url)
        authority = fleet.endpoint.authority
        self._asks = NodeCalls(fleet.network, registration, fleet.clock, authority=authority)
        self._calls = Calls(
            fleet.network, self, fleet.clock, authority=authority, region=fleet.region, node=node
        )

    def works(self) -> list[Any]:
        """What the node does side by side, for ever."""
        return [self._renew(), self._beat(), self._keep_open(), self._repeat()]

    # Credentials.

    async def token(self) -> Token:
        """What `Calls` signs with."""
        await self._tokens.wait()
        assert self._token is not None
        return self._token

    def refused(self, token: Token) -> None:
        """The server does not take this token."""
        if token == self._token:
            self._stale.set()

    async def _renew(self) -> None:
        while True:
            granted: RoleToken = await self._insist(
                partial(self._asks.role_token, self.key, self.fingerprint)
            )
            self._token = Token(
                granted.access_key_id, granted.secret_access_key, granted.session_token
            )
            self._stale.clear()
            self._tokens.set()
            life = (granted.expires - self.fleet.clock.now()).total_seconds()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stale.wait(), life * self._chance(0.4, 0.5))

    # Heartbeats.

    async def _beat(self) -> None:
        wait = self._chance(0, HEARTBEAT_EVERY)
        while True:
            facts = {
                "InstanceId": self.id,
                "AgentName": "amazon-ssm-agent",
                "AgentVersion": VERSION,
                "AgentStatus": "Active",
                "ComputerName": self.name,
                "IPAddress": "192.0.2.1",
                "PlatformName": "Debian GNU/Linux",
                "PlatformType": "Linux",
                "PlatformVersion": "12",
                "SSMConnectionChannel": "ssmmessages" if self.line else "",
            }
            await self._insist(
                lambda facts=facts: self._calls.ask("UpdateInstanceInformation", facts)
            )
            await asyncio.sleep(wait)
            wait = HEARTBEAT_EVERY

    async def _insist(self, deed: Any) -> Any:
        """What `deed` comes to, however often it has to be tried."""
        pause = 1.0
        while True:
            try:
                return await deed()
            except (NetworkFault, Refused) as fault:
                log.debug("%s: %s", self.name, fault)
            await asyncio.sleep(self._chance(pause / 2, pause))
            pause = min(pause * 2, self.fleet.manner.patience)

    # The control channel.

    async def _keep_open(self) -> None:
        while True:
            line = await self._insist(self._open)
            self.line = line
            try:
                await line.ended
            finally:
                self.line = None
                line.abort()
            await asyncio.sleep(self._chance(*self.fleet.manner.reconnect))

    async def _open(self) -> Line:
        path = channels.control_channel_path(self.id)
        body = jobs.encode(channels.TokenRequest(str(uuid.uuid4())))
        plain = Request("POST", path, "", {"content-type": "application/json"}, body)
        answer = await self._calls.send(plain, service=channels.SERVICE)
        if answer.status != 201:
            raise NetworkFault(f"no token: {answer.status} {answer.body[:200]!r}")
        token = channels.read_token_answer(answer.body)
        upgrade = Request("GET", path, channels.CONTROL_CHANNEL_QUERY)
        signed = await self._calls.signed(upgrade, service=channels.SERVICE)
        async with self.fleet.turns:
            line = await Line.open(self.fleet.endpoint, self.fleet.tls, signed, self.heard)
        line.send_text(
            jobs.text(channels.OpenControlChannel(token, str(uuid.uuid4()), VERSION, "linux"))
        )
        return line

    # Jobs.

    def heard(self, data: bytes) -> None:
        """A frame came."""
        frame = decode(data)
        if frame.message_type == MessageType.AGENT_JOB:
            self._take(jobs.decode(frame.payload, Job), str(frame.message_id))
        elif frame.message_type == MessageType.AGENT_JOB_REPLY_ACK:
            ack = jobs.decode(frame.payload, jobs.ReplyAck)
            self.unheard.pop(ack.acknowledged_message_id.lower(), None)

    def _take(self, job: Job, message_id: str) -> None:
        code = self._code(job)
        words = "Successful" if code is AckCode.ACCEPTED else code.name.lower()
        ack = jobs.JobAck(job.job_id, message_id, _now(), code.value, words)
        self._send(_frame(MessageType.AGENT_JOB_ACK, jobs.encode(ack)))
        if code is not AckCode.ACCEPTED:
            return
        # The first word is said once, whether it arrives or not.
        self._send(self._reply(job, ReplyStatus.IN_PROGRESS, None))
        self.begun[job.job_id] += 1
        if job.topic.startswith(jobs.CANCEL_COMMAND):
            meant = jobs.decode(job.content, jobs.CancelContent).cancel_message_id
            if (task := self._at_work.get(meant)) is not None:
                task.cancel()
            return
        least, most = self.fleet.manner.seconds
        if most > 0:
            self._at_work[job.job_id] = asyncio.create_task(self._work(job, least, most))
        else:
            self._end(job, self._outcome())

    def _code(self, job: Job) -> AckCode:
        if job.job_id in self.begun:
            return AckCode.DUPLICATE
        return AckCode.FULL if len(self._at_work) >= ROOM else AckCode.ACCEPTED

    def _outcome(self) -> ReplyStatus:
        failing = self.fleet.manner.failing
        fails = failing > 0 and self.fleet.chance.random() < failing
        return ReplyStatus.FAILED if fails else ReplyStatus.SUCCESS

    async def _work(self, job: Job, least: float, most: float) -> None:
        outcome = ReplyStatus.CANCELLED
        try:
            await asyncio.sleep(self._chance(least, most))
            outcome = self._outcome()
        except asyncio.CancelledError:
            pass
        finally:
            self._at_work.pop(job.job_id, None)
        self._end(job, outcome)

    def _end(self, job: Job, outcome: ReplyStatus) -> None:
        """Say how each step ended and, last, how the whole did."""
        order = jobs.decode(job.content, jobs.SendCommandContent)
        ended = {name: _step(action, order, outcome) for name, action in _steps(order)}
        if len(ended) != 1:
            for name, step in ended.items():
                self._tell(self._reply(job, ReplyStatus.IN_PROGRESS, {name: step}))
        self._tell(self._reply(job, outcome, ended if len(ended) == 1 else {}))

    def _reply(
        self, job: Job, status: ReplyStatus, steps: Mapping[str, PluginReply] | None
    ) -> Frame:
        counts = dict(Counter(step.status for step in steps.values())) if steps else None
        info = jobs.AdditionalInfo(IDENTITY, _now(), "", counts)
        content = ReplyContent(status.value, None if steps is None else dict(steps), "", info)
        payload = jobs.encode(JobReply(job.job_id, job.topic, jobs.text(content)))
        return _frame(MessageType.AGENT_JOB_REPLY, payload)

    def _tell(self, frame: Frame) -> None:
        """Send a reply, and send it again until it is acknowledged."""
        self.unheard[str(frame.message_id)] = encode(frame)
        self._send(frame)

    async def _repeat(self) -> None:
        every = self.fleet.manner.repeat
        while True:
            known = list(self.unheard)
            await asyncio.sleep(every)
            for message_id in known:
                if (data := self.unheard.get(message_id)) is not None and self.line is not None:
                    self.line.send(data)

    def _send(self, frame: Frame) -> None:
        if self.line is not None:
            self.line.send(encode(frame))

    def _chance(self, least: float, most: float) -> float:
        return self.fleet.chance.uniform(least, most)


def _frame(kind: MessageType, payload: bytes) -> Frame:
    return Frame(kind, uuid.uuid4(), payload, created_ms=int(time.time() * 1000))


def _now() -> str:
    return jobs.iso8601(SystemClock().now())


def _steps(order: jobs.SendCommandContent) -> list[tuple[str, str]]:
    """The names and actions of a document's steps; in schema 1.x both are the action's."""
    document = order.document_content
    if (steps := document.get("mainSteps")) is not None:
        return [(step["name"], step["action"]) for step in steps]
    return [(action, action) for action in document.get("runtimeConfig", {})]


def _step(action: str, order: jobs.SendCommandContent, outcome: ReplyStatus) -> PluginReply:
    """How a step ended: it says what it was to do."""
    script = (order.parameters or {}).get("commands", [order.document_name])
    output = "\n".join(script) if isinstance(script, list) else str(script)
    code = {ReplyStatus.SUCCESS: 0, ReplyStatus.CANCELLED: 137}.get(outcome, 1)
    now = SystemClock().now()
    return PluginReply(
        status=outcome.value,
        code=code,
        name=action,
        output=output[: jobs.OUTPUT_LIMIT],
        start_date_time=jobs.iso8601(now - timedelta(milliseconds=1)),
        end_date_time=jobs.iso8601(now),
        standard_output=output[: jobs.STANDARD_OUTPUT_LIMIT],
        standard_error=f"failed to run commands: exit status {code}" if code else "",
    )
