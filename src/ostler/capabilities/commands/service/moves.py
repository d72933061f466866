"""Moves: a command goes on, within a transaction, after something happened to its invocations."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ostler.capabilities.commands.events import (
    CommandEnded,
    CommandTurned,
    InvocationEnded,
    InvocationTurned,
    NotificationDue,
)
from ostler.capabilities.commands.model import (
    OF_COMMAND,
    OF_INVOCATION,
    UNDELIVERED,
    UNSENT,
    Command,
    Event,
    Invocation,
    Status,
    next_wave,
    outcome,
)
from ostler.capabilities.commands.store import commands as command_store
from ostler.capabilities.commands.store import invocations as store
from ostler.capabilities.commands.store.invocations import Turn
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Transaction

DELIVERY_TIMER = "commands.delivery"
EXPIRY_TIMER = "commands.expiry"
SILENCE_TIMER = "commands.silence"
CANCEL_TIMER = "commands.cancel"
HISTORY_TIMER = "commands.history"

SILENCE = timedelta(seconds=10)
"""After so long without an answer a node counts as silent, and its invocation as delayed."""
PATIENCE = timedelta(seconds=15)
"""How long a last word may be on its way after the time is up."""
RETURN = timedelta(minutes=6)
"""How long nodes may take to come back to a server that was away, and to repeat what they said:
stock agents do so every five minutes."""
CANCEL_PATIENCE = timedelta(seconds=60)
"""How long a node may take to stop what it is told to stop."""
HISTORY = timedelta(days=30)

_SOURCE = "aws.ssm"
_OF_COMMAND = "EC2 Command Status-change Notification"
_OF_INVOCATION = "EC2 Command Invocation Status-change Notification"
_NAMED = 50


def schedule(tx: Transaction, command: Command) -> None:
    """Have a new command's times kept."""
    tx.schedule(DELIVERY_TIMER, command.id, command.delivery_deadline)
    tx.schedule(EXPIRY_TIMER, command.id, command.expires + PATIENCE)


def go_on(
    tx: Transaction,
    command: Command,
    turns: Iterable[Turn],
    at: datetime,
    *,
    history: timedelta,
) -> list[NodeId]:
    """Count the turns, start who may start now, tell who listens; the nodes that start."""
    turned = list(turns)
    before = command
    command = replace(command, tally=_moved(command, turned))
    more, started = _next(tx, command, at)
    turned += more
    command = replace(command, tally=_moved(command, more))
    command = replace(
        command, outcome=outcome(command.tally, command.rollout, cancelled=command.cancelled)
    )
    if command.outcome.final and command.ended is None:
        command = replace(command, ended=at)
    if command != before:
        command_store.save(tx, command)
    _tell_turns(tx, command, turned, at)
    if command.outcome.coarse != before.outcome.coarse:
        _tell_of_command(tx, command, at)
    if command.ended is not None and before.ended is None:
        _end(tx, command, at, history)
    return started


def announce_refused(tx: Transaction, command: Command, invocations: Sequence[Invocation]) -> None:
    """Tell of invocations that ended before they began."""
    refused = [invocation for invocation in invocations if invocation.status.final]
    turns = [Turn(one.node, Status.WAITING, one.status) for one in refused]
    _tell_turns(tx, command, turns, command.requested)


def _next(tx: Transaction, command: Command, at: datetime) -> tuple[list[Turn], list[NodeId]]:
    """What follows from how the invocations stand: a wave, or that nobody starts any more."""
    tally = command.tally
    if not tally.waiting:
        return [], []
    if command.rollout.stopped(tally.errors):
        return store.turn(tx, command.id, Event.ERRORS_EXCEEDED, at), []
    if at >= command.delivery_deadline:
        return store.turn(tx, command.id, Event.DELIVERY_EXPIRED, at), []
    started = store.start(tx, command.id, next_wave(tally, command.rollout), at)
    if started:
        tx.schedule(SILENCE_TIMER, command.id, at + SILENCE)
    [waiting], [pending, *_] = UNSENT, UNDELIVERED
    return [Turn(node, waiting, pending) for node in started], started


def _moved(command: Command, turns: Sequence[Turn]) -> Any:
    return command.tally.moved(Counter((turn.former, turn.latter) for turn in turns))


def _end(tx: Transaction, command: Command, at: datetime, history: timedelta) -> None:
    for timer in (DELIVERY_TIMER, EXPIRY_TIMER, SILENCE_TIMER, CANCEL_TIMER):
        tx.unschedule(timer, command.id)
    tx.schedule(HISTORY_TIMER, command.id, at + history)


def _tell_of_command(tx: Transaction, command: Command, at: datetime) -> None:
    """Tell how the command stands, as EventBridge would, and the topic that is to be told."""
    told = CommandEnded if command.outcome.final else CommandTurned
    nodes = command.order.nodes[:_NAMED]
    tx.tell(
        told(
            source=_SOURCE,
            detail_type=_OF_COMMAND,
            resources=tuple(_arn(tx, node) for node in nodes),
            detail={
                **_detail(command),
                "expire-after": _iso(command.expires),
                "parameters": command.order.parameters,
                "status": command.outcome.coarse,
            },
            command=command.id,
            status=command.outcome.coarse,
            details=command.outcome.details,
        )
    )
    told_topic = {
        "instanceIds": list(command.order.nodes),
        "expiresAfter": _iso(command.expires),
        "outputS3BucketName": command.order.bucket,
        "outputS3KeyPrefix": command.order.prefix,
    }
    _notify(tx, command, OF_COMMAND, command.outcome.coarse, told_topic, at)


def _tell_turns(tx: Transaction, command: Command, turns: Iterable[Turn], at: datetime) -> None:
    """Tell of invocations: AWS says nothing of being pending, delayed or cancelling."""
    common = _detail(command)
    for turn in turns:
        latter = turn.latter
        if not latter.final and latter is not Status.IN_PROGRESS:
            continue
        told = InvocationEnded if latter.final else InvocationTurned
        tx.tell(
            told(
                source=_SOURCE,
                detail_type=_OF_INVOCATION,
                resources=(_arn(tx, turn.node),),
                detail={**common, "instance-id": turn.node, "status": latter.coarse},
                command=command.id,
                node=turn.node,
                status=latter.coarse,
                details=latter.details,
            )
        )
        told_topic = {"instanceId": turn.node}
        _notify(tx, command, OF_INVOCATION, latter.coarse, told_topic, at)


def _notify(
    tx: Transaction, command: Command, of: str, status: str, told: Mapping[str, Any], at: datetime
) -> None:
    """Have the topic told that the order names, if it wants to know this; in AWS's words."""
    order = command.order
    if not order.notification.wants(of, status):
        return
    message = {
        "commandId": command.id,
        "documentName": command.document_name,
        **told,
        "requestedDateTime": _iso(command.requested),
        "status": status,
        "eventTime": _iso(at),
    }
    tx.tell(
        NotificationDue(
            command=command.id,
            topic=order.notification.topic,
            role=order.role,
            message=message,
        )
    )


def _detail(command: Command) -> dict[str, Any]:
    return {
        "command-id": command.id,
        "document-name": command.document_name,
        "requested-date-time": _iso(command.requested),
    }


def _arn(tx: Transaction, node: NodeId) -> str:
    scope = tx.scope
    assert scope is not None, "commands move within their account and region"
    return node_arn(scope, node)


def node_arn(scope: Scope, node: NodeId) -> str:
    """How policies and events name a node."""
    place = f"{scope.region}:{scope.account}"
    if node.startswith("i-"):
        return f"arn:aws:ec2:{place}:instance/{node}"
    return f"arn:aws:ssm:{place}:managed-instance/{node}"


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
