"""The mailbox: what waits for the nodes that are connected here, until they have acknowledged it.

It holds no truth. What it knows of a node it asked `Work` for when the node came, or was brought
since; when the node goes, it forgets. A process that begins anew begins with an empty mailbox.
"""

import asyncio
import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, NodeId, Region
from ostler.foundation.storage import Scope
from ostler.relay.boxes import Box
from ostler.relay.ports import Work
from ostler.wire.agent.jobs import Job

log = structlog.get_logger()

TICK = timedelta(seconds=1)
# The stock agent gives a poll 20 seconds; a tick may pass before ours is noticed to be over.
POLL_LASTS = timedelta(seconds=17)
# Between two polls a node is remembered, so that what the first one gave is not given again.
POLLER_REMEMBERED = timedelta(minutes=1)
ASK_AGAIN_AFTER = timedelta(seconds=10)

Key = tuple[AccountId, Region, NodeId]


class Channel(Protocol):
    """An open way to a node."""

    def give(self, job: Job) -> str:
        """Send `job`, without waiting; the id of the message that carries it."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Part from the node."""
        ...


@dataclass(slots=True, eq=False)
class _Node:
    """A node that is here: by a channel, or by a poll, or between two polls."""

    scope: Scope
    id: NodeId
    box: Box = field(default_factory=Box)
    channel: Channel | None = None
    poll: asyncio.Future[Sequence[Job]] | None = None
    poll_ends: datetime | None = None
    poll_visibility: timedelta = ASK_AGAIN_AFTER
    forget_at: datetime | None = None
    wakes: datetime | None = None


class Mailbox:
    """Brings jobs to the nodes that are connected to this process; the couriers' end."""

    def __init__(self, work: Work, clock: Clock) -> None:
        self._work = work
        self._clock = clock
        self._nodes: dict[Key, _Node] = {}
        self._agenda: list[tuple[datetime, int, _Node]] = []
        self._order = itertools.count()

    # For those who have something for a node.

    async def bring(self, scope: Scope, node: NodeId, job: Job) -> None:
        """Take `job` to `node` if it is here; otherwise it will ask when it comes."""
        here = self._nodes.get(_key(scope, node))
        if here is not None:
            here.box.put(job, self._clock.now())
            self._deliver(here)

    def withdraw(self, scope: Scope, node: NodeId, job_id: str) -> None:
        """Nobody wants that job done any more: do not send it, or not again."""
        self.settled(scope, node, job_id)

    async def collect(self, scope: Scope, node: NodeId) -> None:
        """Something may be new for `node`: if it is here, ask what waits for it."""
        here = self._nodes.get(_key(scope, node))
        if here is not None:
            await self._collect(here)

    async def collect_all(self) -> None:
        """Something may be new for anybody: ask what waits for each node that is here."""
        for here in list(self._nodes.values()):
            await self._collect(here)

    def part(self, scope: Scope, node: NodeId, reason: str) -> None:
        """`node` has no business here any more: close its way, end its poll."""
        here = self._nodes.get(_key(scope, node))
        if here is not None:
            _end_poll(here, ())
            if here.channel is not None:
                here.channel.close(1008, reason)

    # For the channels.

    def attach(self, scope: Scope, node: NodeId, channel: Channel) -> None:
        """`channel` is the way to `node` from now on; the one before it is closed."""
        here = self._here(scope, node)
        former, here.channel = here.channel, channel
        here.box.start_over(self._clock.now())
        if former is not None:
            log.warning("control_channel_replaced", node_id=node)
            former.close(1001, "another connection of this node took over")

    def detach(self, scope: Scope, node: NodeId, channel: Channel) -> bool:
        """`channel` is gone; False when another one had taken its place already."""
        here = self._nodes.get(_key(scope, node))
        if here is None or here.channel is not channel:
            return False
        here.channel = None
        if here.poll is None:
            self._forget(here)
        else:
            here.box.start_over(self._clock.now())
            self._deliver(here)
        return True

    def has_channel(self, scope: Scope, node: NodeId) -> bool:
        """Whether `node` has a channel open to this process."""
        here = self._nodes.get(_key(scope, node))
        return here is not None and here.channel is not None

    @property
    def channels(self) -> int:
        """How many nodes have a channel open to this process."""
        return sum(here.channel is not None for here in self._nodes.values())

    async def poll(
        self, scope: Scope, node: NodeId, *, visibility: timedelta = ASK_AGAIN_AFTER
    ) -> Sequence[Job]:
        """What waits for `node`, as soon as there is something; nothing after a while.

        What was given is given again after `visibility`, unless it is settled before. A node has
        one poll: an older one ends with nothing. With a channel open nothing comes this way.
        """
        here = self._here(scope, node)
        _end_poll(here, ())
        poll: asyncio.Future[Sequence[Job]] = asyncio.get_running_loop().create_future()
        here.poll, here.poll_visibility = poll, visibility
        here.poll_ends = self._clock.now() + POLL_LASTS
        try:
            if here.channel is None:
                await self._collect(here)
            self._schedule(here)
            return await poll
        finally:
            if here.poll is poll:
                here.poll = here.poll_ends = None
            here.forget_at = self._clock.now() + POLLER_REMEMBERED
            self._schedule(here)

    def waiting(self, scope: Scope, node: NodeId) -> frozenset[str]:
        """The ids of the jobs that are not settled yet."""
        here = self._nodes.get(_key(scope, node))
        return frozenset() if here is None else here.box.job_ids()

    def job_of(self, scope: Scope, node: NodeId, job_id: str, message_id: str) -> str | None:
        """The job here that an answer is about: it names the job, or at least the message."""
        here = self._nodes.get(_key(scope, node))
        return None if here is None else here.box.find(job_id, message_id)

    def settled(self, scope: Scope, node: NodeId, job_id: str) -> None:
        """The job needs no sending any more: the node has it, or refused it."""
        here = self._nodes.get(_key(scope, node))
        if here is not None and here.box.remove(job_id) and not here.box.empty:
            self._deliver(here)

    def deferred(self, scope: Scope, node: NodeId, job_id: str) -> None:
        """The node has no room for the job now: send it again later."""
        here = self._nodes.get(_key(scope, node))
        if here is not None:
            here.box.defer(job_id, self._clock.now())
            self._deliver(here)

    def room(self, scope: Scope, node: NodeId) -> None:
        """The node has ended a job: what it had no room for may go with the next tick."""
        here = self._nodes.get(_key(scope, node))
        if here is not None and not here.box.empty:
            here.box.retry(self._clock.now())
            self._deliver(here)

    # What happens by itself.

    async def run(self) -> None:
        """Send again what stays unanswered and end the polls that waited long enough, forever."""
        while True:
            await self._clock.sleep(TICK)
            await self.look_after()

    async def look_after(self) -> None:
        """Do what is due now."""
        now = self._clock.now()
        while self._agenda and self._agenda[0][0] <= now:
            due, _, here = heapq.heappop(self._agenda)
            if due == here.wakes:
                here.wakes = None
                await self._look_after(here, now)

    async def _look_after(self, here: _Node, now: datetime) -> None:
        if here.poll_ends is not None and here.poll_ends <= now:
            _end_poll(here, ())
        if here.channel is None and here.poll is None:
            if here.forget_at is not None and here.forget_at <= now:
                self._forget(here)
        elif (wakes := here.box.wakes(now)) is not None and wakes <= now:
            [fault] = await asyncio.gather(self._collect(here), return_exceptions=True)
            if fault is not None:
                log.error("work_not_known", node_id=here.id, exc_info=fault)
                self._schedule(here, no_sooner=now + ASK_AGAIN_AFTER)
                return
        self._schedule(here)

    async def _collect(self, here: _Node) -> None:
        before = here.box.job_ids()
        jobs = await self._work.pending(here.scope, here.id)
        here.box.reconcile(jobs, before, self._clock.now())
        # Only now may something old be sent: it might have been cancelled since it came.
        self._deliver(here, wanted=True)

    def _deliver(self, here: _Node, *, wanted: bool = False) -> None:
        """Give what may be given, by the way that is open, and note when to look again.

        What has just come goes at once, the rest only when it is known to be `wanted` still.
        """
        now = self._clock.now()
        if here.channel is not None:
            for envelope in here.box.take(now, wanted=wanted):
                envelope.message_id = here.channel.give(envelope.job)
        elif here.poll is not None and not here.poll.done():
            taken = here.box.take(now, wanted=wanted, late_after=here.poll_visibility)
            if taken:
                _end_poll(here, [envelope.job for envelope in taken])
        self._schedule(here)

    def _schedule(self, here: _Node, *, no_sooner: datetime | None = None) -> None:
        if self._nodes.get(_key(here.scope, here.id)) is not here:
            return
        reachable = here.channel is not None or here.poll is not None
        reasons = [
            here.box.wakes(self._clock.now()) if reachable else None,
            here.poll_ends,
            None if reachable else here.forget_at,
        ]
        due = min((reason for reason in reasons if reason is not None), default=None)
        if due is not None and no_sooner is not None:
            due = max(due, no_sooner)
        if due is not None and (here.wakes is None or due < here.wakes):
            here.wakes = due
            heapq.heappush(self._agenda, (due, next(self._order), here))

    def _here(self, scope: Scope, node: NodeId) -> _Node:
        key = _key(scope, node)
        if key not in self._nodes:
            self._nodes[key] = _Node(Scope(scope.account, scope.region), node)
        return self._nodes[key]

    def _forget(self, here: _Node) -> None:
        here.wakes = None
        self._nodes.pop(_key(here.scope, here.id), None)


def _key(scope: Scope, node: NodeId) -> Key:
    return (scope.account, scope.region, node)


def _end_poll(here: _Node, jobs: Sequence[Job]) -> None:
    """Answer the poll that waits, if one does."""
    if here.poll is not None and not here.poll.done():
        here.poll.set_result(jobs)
    here.poll = here.poll_ends = None
