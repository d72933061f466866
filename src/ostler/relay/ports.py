"""What the relay needs of others: small things that the composition fills in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ostler.foundation.call import Call, Caller
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.wire.agent.jobs import Job, ReplyContent


@dataclass(frozen=True, slots=True)
class Heard:
    """One reply of a node. `message_id` is the node's own: a reply sent again has the same."""

    scope: Scope
    node: NodeId
    job_id: str
    message_id: str
    reply: ReplyContent
    topic: str


@dataclass(frozen=True, slots=True)
class Acked:
    """A node's first answer to a job: `code` is an AckCode, 200 and 51405 accept it."""

    scope: Scope
    node: NodeId
    job_id: str
    code: str
    message: str = ""


class Replies(Protocol):
    """Takes what nodes answer. Returning means that it is kept for good.

    When either raises, every answer of the batch is offered again by itself.
    """

    async def record(self, replies: Sequence[Heard]) -> None:
        """Keep all of `replies`; one that was heard before changes nothing."""
        ...

    async def acknowledged(self, acks: Sequence[Acked]) -> None:
        """Keep that jobs reached their nodes, or were refused."""
        ...


class Work(Protocol):
    """Knows what waits for a node: the truth of which a mailbox keeps a copy."""

    async def pending(self, scope: Scope, node: NodeId) -> Sequence[Job]:
        """Every job that may start and that the node has not acknowledged, cancellations too.

        What is not among them any more will not be sent again.
        """
        ...


class Presence(Protocol):
    """Is told whether a node's control channel is open."""

    async def connected(self, scope: Scope, node: NodeId) -> None: ...

    async def disconnected(self, scope: Scope, node: NodeId) -> None: ...


class Limits(Protocol):
    """Decides whether a node comes too often."""

    def admit(self, caller: Caller, action: str) -> None:
        """Raise ThrottlingException when the caller has to wait."""
        ...

    def admit_output(self, caller: Caller) -> None:
        """The same for output, which has a measure of its own."""
        ...


class Trail(Protocol):
    """Keeps records of what was refused, and to whom."""

    def note(self, call: Call, given: Mapping[str, str], outcome: str) -> None:
        """Record `outcome`, the name of a refusal, and what is `given` about it."""
        ...


class Kept(Protocol):
    """How much of a stream is kept; `cut`: the rest of it will not be."""

    @property
    def length(self) -> int: ...
    @property
    def cut(self) -> bool: ...


class Output(Protocol):
    """Keeps the whole output of steps, in pieces that arrive in order."""

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
        """Put `data` at `offset` if so many bytes are kept; tell how much is kept afterwards.

        With another number kept, nothing changes. An ApiError refuses.
        """
        ...

    async def length(self, scope: Scope, node: NodeId, command: str, step: str, stream: str) -> int:
        """How many bytes are kept."""
        ...

    async def finish(
        self, scope: Scope, node: NodeId, command: str, step: str, stream: str
    ) -> None:
        """Nothing will follow; told again, it changes nothing."""
        ...

    async def deliver(self, call: Call, node: NodeId, command: str, step: str, stream: str) -> None:
        """Bring what is whole to where the command says, as far as the node that calls may.

        Told again, it changes nothing.
        """
        ...
