"""Planning: what an order means, and whether it can be carried out at all."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ostler.capabilities.commands.errors import (
    DuplicateInstanceId,
    InvalidDocument,
    InvalidNotificationConfig,
    InvalidOutputFolder,
    InvalidParameters,
    MaxDocumentSizeExceeded,
    UnsupportedPlatformType,
)
from ostler.capabilities.commands.model import (
    Command,
    Event,
    Invocation,
    Order,
    Tally,
    execution_timeout,
    is_bucket_name,
    is_prefix,
    steps_of,
)
from ostler.capabilities.commands.service.neighbours import DocumentVersion, Node
from ostler.capabilities.commands.service.stored import filled
from ostler.foundation.errors import NotYetImplemented
from ostler.foundation.ids import CommandId, NodeId
from ostler.grammar.documents import (
    Document,
    ParameterFault,
    as_json,
    bind,
    for_agents,
    with_stored,
)
from ostler.grammar.targets import TargetFault, Targets, gather

LARGEST_PAYLOAD = 100_000
"""Bytes that a node may be sent: seen at AWS, which calls it 97KB."""

_TOPIC = re.compile(r"arn:[a-z-]+:sns:[A-Za-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


@dataclass(frozen=True, slots=True)
class Plan:
    """An order that can be carried out: the command, its invocations, and what nodes are sent."""

    command: Command
    invocations: Sequence[Invocation]
    content: str
    bound: Mapping[str, Any]


def check_order(order: Order) -> Targets:
    """Whom the order means; refused where it contradicts itself."""
    if len(set(order.nodes)) < len(order.nodes):
        raise DuplicateInstanceId("A node is named more than once in InstanceIds.")
    if bool(order.nodes) == bool(order.targets):
        raise InvalidParameters("Name nodes either by InstanceIds or by Targets.")
    if order.bucket and not is_bucket_name(order.bucket):
        raise InvalidOutputFolder(f"{order.bucket} is not the name of a bucket.")
    if not is_prefix(order.prefix):
        raise InvalidOutputFolder(f"Keys cannot begin with {order.prefix}.")
    if order.notification.topic and not _TOPIC.fullmatch(order.notification.topic):
        raise InvalidNotificationConfig(f"{order.notification.topic} is not the ARN of a topic.")
    try:
        targets = gather(order.targets)
    except TargetFault as fault:
        raise InvalidParameters(str(fault)) from fault
    if targets.groups:
        raise NotYetImplemented("Resource groups are not built yet; target nodes by id or tag.")
    return targets


def make_plan(
    order: Order,
    version: DocumentVersion,
    nodes: Sequence[Node],
    denied: frozenset[NodeId],
    *,
    stored: Mapping[str, str],
    command: CommandId,
    at: datetime,
) -> Plan:
    """The plan to run `version` on `nodes`; `denied` are those on which the caller may not.

    `stored` are the values of Parameter Store that order and document ask for. The nodes get
    them in their places; what is kept of the order is as it was given.
    """
    document = version.document
    if version.type != "Command":
        raise InvalidDocument(
            f"{version.name} is a document of type {version.type}; commands run those of "
            "type Command."
        )
    try:
        sent = filled(order, stored)
        bound = bind(document, sent.parameters)
    except ParameterFault as fault:
        raise InvalidParameters(fault.message) from fault
    content = _content(document, stored)
    _check_size(order, version, content, bound.given)
    _check_platforms(order, version, nodes)
    invocations = [
        _invocation(node, version, node.id in denied, command, position, at)
        for position, node in enumerate(nodes)
    ]
    limit = timedelta(seconds=order.timeout) + execution_timeout(document, sent.parameters)
    planned = Command(
        id=command,
        order=order,
        document_name=version.name,
        requested=at,
        expires=at + limit,
        steps=steps_of(document),
        tally=Tally.of(invocation.status for invocation in invocations),
    )
    return Plan(planned, invocations, content, bound.given)


def _content(document: Document, stored: Mapping[str, str]) -> str:
    """The document as it is sent to nodes."""
    if not stored:
        return as_json(document)
    values = with_stored(for_agents(document), stored)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _check_size(
    order: Order, version: DocumentVersion, content: str, given: Mapping[str, Any]
) -> None:
    sent = {
        "name": version.name,
        "parameters": given,
        "bucket": order.bucket,
        "prefix": order.prefix,
        "group": order.logging.group,
    }
    if len(content.encode()) + len(json.dumps(sent)) > LARGEST_PAYLOAD:
        raise MaxDocumentSizeExceeded(
            "The total size of your parameter(s) and document exceeds the 97KB limit."
        )


def _check_platforms(order: Order, version: DocumentVersion, nodes: Sequence[Node]) -> None:
    unfit = [node.id for node in nodes if not _fits(version, node)]
    if order.nodes and unfit:
        raise UnsupportedPlatformType(
            f"{version.name} runs on {', '.join(version.platform_types)}, which these nodes "
            f"are not: {', '.join(unfit)}."
        )


def _fits(version: DocumentVersion, node: Node) -> bool:
    # A node that was never heard yet may be of any platform: its agent will tell.
    return node.platform_type is None or node.platform_type in version.platform_types


def _invocation(
    node: Node,
    version: DocumentVersion,
    denied: bool,
    command: CommandId,
    position: int,
    at: datetime,
) -> Invocation:
    invocation = Invocation(command, node.id, at, position=position, name=node.facts.computer_name)
    if denied:
        return invocation.after(Event.ACCESS_REFUSED, at)
    if not _fits(version, node):
        return invocation.after(Event.PLATFORM_UNFIT, at)
    return invocation
