"""Commands: what was ordered, what it means for each node, and how long it may take."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ostler.capabilities.commands.model.statuses import Outcome
from ostler.capabilities.commands.model.tallies import Tally
from ostler.foundation.ids import CommandId, NodeId
from ostler.grammar.documents import Document, references
from ostler.grammar.rollouts import DEFAULT_CONCURRENCY, DEFAULT_ERRORS, Rollout
from ostler.grammar.targets import Target

DEFAULT_DELIVERY_TIMEOUT = 3600
DEFAULT_VERSION = "$DEFAULT"
_DEFAULT_EXECUTION_TIMEOUT = 3600

OF_COMMAND = "Command"
OF_INVOCATION = "Invocation"
NOTIFIED = frozenset({"InProgress", "Success", "TimedOut", "Cancelled", "Failed"})
"""The statuses of which topics are told."""

_NUMBER = re.compile(r"\s*([0-9]{1,7})(?:\.[0-9]*)?\s*")


@dataclass(frozen=True, slots=True)
class Notification:
    """Which changes of status to tell a topic of: of the command, or of its invocations."""

    topic: str = ""
    events: Sequence[str] = ()
    type: str = ""

    def wants(self, of: str, status: str) -> bool:
        """Whether the topic is to be told; AWS says nothing of Pending and Cancelling."""
        if not self.topic or of != (self.type or OF_COMMAND) or status not in NOTIFIED:
            return False
        return not self.events or "All" in self.events or status in self.events


@dataclass(frozen=True, slots=True)
class Logging:
    """Where output goes in CloudWatch Logs; the agent sends it there."""

    group: str = ""
    enabled: bool = False


@dataclass(frozen=True, slots=True)
class Alarms:
    """Alarms that shall stop the command: kept and answered back, until there are alarms."""

    names: Sequence[str] = ()
    ignore_poll_failure: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asks for with SendCommand."""

    document: str
    version: str = DEFAULT_VERSION
    document_hash: str = ""
    hash_type: str = ""
    nodes: Sequence[NodeId] = ()
    targets: Sequence[Target] = ()
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    comment: str = ""
    timeout: int = DEFAULT_DELIVERY_TIMEOUT
    max_concurrency: str = DEFAULT_CONCURRENCY
    max_errors: str = DEFAULT_ERRORS
    bucket: str = ""
    prefix: str = ""
    role: str = ""
    notification: Notification = field(default_factory=Notification)
    logging: Logging = field(default_factory=Logging)
    alarms: Alarms = field(default_factory=Alarms)


@dataclass(frozen=True, slots=True)
class Step:
    """A step as nodes report it: by `id`; its output lies in `folder`."""

    id: str
    action: str
    folder: str


@dataclass(frozen=True, slots=True)
class Command:
    """An order that was accepted, and how it stands."""

    id: CommandId
    order: Order
    document_name: str
    requested: datetime
    expires: datetime
    steps: Sequence[Step] = ()
    outcome: Outcome = Outcome.PENDING
    tally: Tally = field(default_factory=Tally)
    cancelled: bool = False
    ended: datetime | None = None

    @property
    def rollout(self) -> Rollout:
        """The limits in numbers of targets."""
        order = self.order
        return Rollout.of(order.max_concurrency, order.max_errors, self.tally.targets)

    @property
    def delivery_deadline(self) -> datetime:
        """Until when a node must have received it."""
        return self.requested + timedelta(seconds=self.order.timeout)


def steps_of(document: Document) -> Sequence[Step]:
    """The document's steps, with the folders that agents name after them."""
    old = document.schema_version.startswith("1.")
    return tuple(
        Step(step.name, step.action, _old_folder(step.action) if old else _folder(step))
        for step in document.steps
    )


def _folder(step: Any) -> str:
    return f"{_plain(step.action)}/{_plain(step.name)}"


def _old_folder(action: str) -> str:
    # Of several sets of properties each has a folder of its number; together they are one step.
    return f"{_plain(action)}/0.{_plain(action)}"


def _plain(name: str) -> str:
    return name.replace(":", "")


def execution_timeout(document: Document, given: Mapping[str, Sequence[str]]) -> timedelta:
    """How long the steps may take together, as far as the document says.

    So AWS reckons: the numbers of the steps are added up; one that a parameter sets counts as
    given. Where it is left to its default AWS takes an hour, whatever the default is; we take the
    default if it is more, for what is still running shall not be given up.
    """
    limits = [_limit(document, step.inputs, given) for step in document.steps]
    told = [limit for limit in limits if limit is not None]
    return timedelta(seconds=sum(told) if told else _DEFAULT_EXECUTION_TIMEOUT)


def _limit(document: Document, inputs: Any, given: Mapping[str, Sequence[str]]) -> int | None:
    if isinstance(inputs, list):
        limits = [_limit(document, one, given) for one in inputs]
        told = [limit for limit in limits if limit is not None]
        return sum(told) if told else None
    if not isinstance(inputs, dict) or inputs.get("timeoutSeconds") is None:
        return None
    value = inputs["timeoutSeconds"]
    names = references(value)
    if not names:
        return _seconds(value)
    name = names[0]
    if name in given:
        return _seconds(next(iter(given[name]), None))
    declared = document.parameters.get(name)
    return max(_DEFAULT_EXECUTION_TIMEOUT, _seconds(declared.default if declared else None))


def _seconds(value: Any) -> int:
    match = _NUMBER.fullmatch(str(value))
    return int(match[1]) if match else _DEFAULT_EXECUTION_TIMEOUT
