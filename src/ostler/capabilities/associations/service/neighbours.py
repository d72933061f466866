"""What State Manager needs of the capabilities it stands on."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ostler.foundation.call import Call
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Transaction
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
    def version(self) -> str: ...
    @property
    def content(self) -> str: ...
    @property
    def document(self) -> Document: ...
    @property
    def platform_types(self) -> Sequence[str]: ...


class Documents(Protocol):
    """Knows documents."""

    async def resolve(self, call: Call, name: str, version: str = ...) -> DocumentVersion:
        """The version, if the caller may use it; allowed first, missing second."""
        ...


class Node(Protocol):
    """A machine of the fleet; its platform is not known before it was first heard."""

    @property
    def id(self) -> NodeId: ...
    @property
    def platform_type(self) -> str | None: ...


class Fleet(Protocol):
    """Knows the nodes; asks nobody for permission."""

    async def get_many(self, call: Call, ids: Sequence[NodeId]) -> Sequence[Node]:
        """These nodes, in this order; InvalidInstanceId names those that there are not."""
        ...

    async def check(self, call: Call, targets: Targets) -> None:
        """NotYetImplemented for targets that nobody can resolve."""
        ...

    def matching(self, tx: Transaction, targets: Targets) -> Mapping[NodeId, bool]:
        """The nodes that fit every target, each with whether it was heard lately."""
        ...

    def labels(self, tx: Transaction, node: NodeId) -> Mapping[str, str] | None:
        """The node's tags; None when it is no node of the scope."""
        ...


class Roles(Protocol):
    """Knows roles, and who may give them away."""

    async def role_exists(self, scope: Scope, name: str, service_principal: str = ...) -> bool:
        """Whether the account has the role, and it trusts the service."""
        ...

    async def pass_role(self, call: Call, role_arn: str) -> None:
        """Raise AccessDeniedException unless the caller may give the role away."""
        ...


class Tags(Protocol):
    """Keeps tags."""

    def put(self, tx: Transaction, kind: str, resource: str, tags: Mapping[str, str]) -> None: ...

    def drop(self, tx: Transaction, kind: str, resource: str) -> None: ...


class Teller(Protocol):
    """Lets nodes know that there is something for them; soon, and without a promise."""

    def tell(self, scope: Scope, nodes: Sequence[NodeId]) -> None: ...


def node_arn(scope: Scope, node: str) -> str:
    """How policies and events name a node."""
    place = f"{scope.region}:{scope.account}"
    if node.startswith("i-"):
        return f"arn:aws:ec2:{place}:instance/{node}"
    return f"arn:aws:ssm:{place}:managed-instance/{node}"


def speaks_for_itself(call: Call, node: NodeId) -> None:
    """AccessDeniedException for whoever is not the node."""
    if call.caller.node != node:
        raise AccessDeniedException(
            f"User: {call.caller.arn} is not authorized to perform: {call.action} on "
            f"resource: {node_arn(call.scope, node)} because a node speaks for itself alone"
        )


def document_names(scope: Scope, name: str) -> Sequence[str]:
    """All by which associations may call a document of their own account."""
    return (name, f"arn:aws:ssm:{scope.region}:{scope.account}:document/{name}")
