"""A box: the jobs that wait for one node, and which of them may be given to it now.

Pure: it neither sends nor waits. The mailbox does, and asks the box.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ostler.wire.agent.jobs import CANCEL_COMMAND, Job

PATIENCE = timedelta(seconds=5)
LONGEST_PATIENCE = timedelta(minutes=5)
"""How long an answer may take before the job is sent again; twice as long each time."""
LONGEST_DEFERMENT = timedelta(minutes=1)
"""For a job that the node had no room for; it is due as soon as the node has ended one, too."""

# The stock agent runs five commands and buffers five more; what is beyond comes back as "full".
WINDOW = 10
CAPACITY = 100


@dataclass(slots=True)
class Envelope:
    """A job on its way: `given` and not answered yet, or waiting until `due`.

    It is `fresh` until the first look at it; afterwards nobody knows whether it is still wanted.
    """

    job: Job
    due: datetime
    fresh: bool = True
    given: bool = False
    attempts: int = 0
    message_id: str = ""

    @property
    def urgent(self) -> bool:
        """A cancellation does not wait for room: the agent has room of its own for those."""
        return self.job.topic.startswith(CANCEL_COMMAND)


@dataclass(slots=True)
class Box:
    """The envelopes of one node, in the order in which they came.

    It keeps at most CAPACITY of them; `more` tells that others exist, which have to be asked for
    when there is room.
    """

    more: bool = False
    _envelopes: dict[str, Envelope] = field(default_factory=dict)

    def put(self, job: Job, now: datetime) -> None:
        """Take in `job`, unless it is here already."""
        if job.job_id in self._envelopes:
            return
        if len(self._envelopes) >= CAPACITY:
            self.more = True
            return
        self._envelopes[job.job_id] = Envelope(job, now)

    def take(
        self, now: datetime, *, wanted: bool = False, late_after: timedelta | None = None
    ) -> Sequence[Envelope]:
        """The envelopes to give to the node now.

        They are those that have just come, or all that are due when it is known that they are
        still `wanted`. The answer to each is late after `late_after`, or after ever longer times.
        """
        ready = [
            envelope
            for envelope in self._envelopes.values()
            if envelope.due <= now and (wanted or envelope.fresh)
        ]
        ready.sort(key=lambda envelope: not envelope.urgent)
        room = self._room()
        taken = []
        for envelope in ready:
            envelope.fresh = False
            if not envelope.given:
                if room <= 0 and not envelope.urgent:
                    continue
                room -= 1
            envelope.given = True
            envelope.due = now + (late_after or _backed_off(envelope.attempts, LONGEST_PATIENCE))
            envelope.attempts += 1
            taken.append(envelope)
        return taken

    def find(self, job_id: str, message_id: str) -> str | None:
        """The id of the job that an answer is about, by its own id or by its message's."""
        if job_id in self._envelopes:
            return job_id
        for envelope in self._envelopes.values():
            if message_id and message_id == envelope.message_id:
                return envelope.job.job_id
        return None

    def remove(self, job_id: str) -> bool:
        """The job is with the node, or with nobody: forget it; whether it was here."""
        return self._envelopes.pop(job_id, None) is not None

    @property
    def empty(self) -> bool:
        """Whether nothing waits, here or elsewhere."""
        return not self._envelopes and not self.more

    def defer(self, job_id: str, now: datetime) -> None:
        """The node has no room for this job now."""
        envelope = self._envelopes.get(job_id)
        if envelope is not None and envelope.given:
            envelope.given = False
            envelope.due = now + _backed_off(envelope.attempts - 1, LONGEST_DEFERMENT)

    def retry(self, now: datetime) -> None:
        """The node has room again: what was deferred is due."""
        for envelope in self._envelopes.values():
            if not envelope.given:
                envelope.due = now

    def start_over(self, now: datetime) -> None:
        """The way to the node is another one: everything is due, and patience is short again."""
        for envelope in self._envelopes.values():
            envelope.given = False
            envelope.attempts = 0
            envelope.due = now

    def job_ids(self) -> frozenset[str]:
        return frozenset(self._envelopes)

    def reconcile(self, jobs: Iterable[Job], before: frozenset[str], now: datetime) -> None:
        """Follow the truth: `jobs` are pending; what of `before` is not among them is not."""
        self.more = False
        pending = {job.job_id: job for job in jobs}
        for job_id in before - pending.keys():
            self.remove(job_id)
        for job in pending.values():
            self.put(job, now)

    def wakes(self, now: datetime) -> datetime | None:
        """When something is due, or more can be asked for; None when an answer must come first."""
        if self.more and len(self._envelopes) < WINDOW:
            return now
        room = self._room()
        return min(
            (
                envelope.due
                for envelope in self._envelopes.values()
                if envelope.given or envelope.urgent or room > 0
            ),
            default=None,
        )

    def _room(self) -> int:
        return WINDOW - sum(envelope.given for envelope in self._envelopes.values())


def _backed_off(attempts: int, most: timedelta) -> timedelta:
    return min(PATIENCE * (1 << min(attempts, 10)), most)
