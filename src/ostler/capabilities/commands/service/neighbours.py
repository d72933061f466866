"""What Run Command needs of the capabilities it stands on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ostler.foundation.call import Call, Caller
from ostler.foundation.ids import AccountId, NodeId
from ostler.foundation.storage import Scope
from ostler.grammar.documents import Document
from ostler.grammar.targets import Targets

SERVICE = "ssm.amazonaws.com"


class DocumentVersion(Protocol):
    """One version of a document."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def document(self) -> Document: ...
    @property
    def platform_types(self) -> Sequence[str]: ...


class Documents(Protocol):
    """Knows documents."""

    async def resolve(
        self,
        call: Call,
        name: str,
        version: str = ...,
        *,
        hash: str | None = None,  # noqa: A002 - AWS's word
        hash_type: str | None = None,
    ) -> DocumentVersion:
        """The version, if the caller may run it; allowed first, missing second."""
        ...


class Facts(Protocol):
    """What an agent says of its machine."""

    @property
    def computer_name(self) -> str: ...
    @property
    def agent_name(self) -> str: ...


class Node(Protocol):
    """A machine of the fleet; its platform is not known before it was first heard."""

    @property
    def id(self) -> NodeId: ...
    @property
    def platform_type(self) -> str | None: ...
    @property
    def facts(self) -> Facts: ...


class Fleet(Protocol):
    """Knows the nodes; asks nobody for permission."""

    async def get_many(self, call: Call, ids: Sequence[NodeId]) -> Sequence[Node]:
        """These nodes, in this order; InvalidInstanceId names those that there are not."""
        ...

    async def resolve(self, call: Call, targets: Targets) -> Sequence[Node]:
        """The nodes that fit every target."""
        ...


class StoredValue(Protocol):
    """A parameter of Parameter Store."""

    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> str: ...


class StoredValues(Protocol):
    """Knows the parameters of Parameter Store."""

    async def values(self, call: Call, names: Sequence[str]) -> Mapping[str, StoredValue]:
        """Those of the parameters that there are, by name, if the caller may read them all."""
        ...


class Roles(Protocol):
    """Knows roles, and who may give them away."""

    async def role_exists(self, scope: Scope, name: str, service_principal: str = ...) -> bool:
        """Whether the account has the role, and it trusts the service."""
        ...

    async def role_caller(self, account: AccountId, role: str, session_name: str = ...) -> Caller:
        """Somebody who acts in the role."""
        ...

    async def pass_role(self, call: Call, role_arn: str) -> None:
        """Raise AccessDeniedException unless the caller may give the role away."""
        ...


class Buckets(Protocol):
    """Keeps objects; reading asks nobody for permission."""

    async def put(
        self, call: Call, bucket: str, key: str, content: AsyncIterator[bytes], content_type: str
    ) -> None:
        """Keep an object, if the caller may put it there."""
        ...

    async def size(self, scope: Scope, bucket: str, key: str) -> int | None:
        """How many bytes an object of the account has; None where there is no such object."""
        ...

    def read(
        self, scope: Scope, bucket: str, key: str, start: int, end: int
    ) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` of an object of the account."""
        ...


class Logs(Protocol):
    """Keeps events in streams of log groups."""

    async def write(
        self, call: Call, group: str, stream: str, lines: Sequence[str], at: datetime
    ) -> None:
        """Put lines there, all of the same instant, as far as the caller may."""
        ...
