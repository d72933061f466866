"""Progress: what becomes of commands by themselves, and by what nodes say of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from ostler.capabilities.commands.model import Command, Event, Invocation, Report, StepOutput
from ostler.capabilities.commands.service.moves import (
    EXPIRY_TIMER,
    HISTORY,
    RETURN,
    SILENCE,
    SILENCE_TIMER,
    go_on,
)
from ostler.capabilities.commands.store import commands as command_store
from ostler.capabilities.commands.store import invocations as store
from ostler.capabilities.commands.store.commands import Payload
from ostler.capabilities.commands.store.invocations import Errand, Turn
from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, CommandId, NodeId, Region
from ostler.foundation.storage import Scope, Storage, Transaction


@dataclass(frozen=True, slots=True)
class Word:
    """What a node says of its share of a command."""

    scope: Scope
    node: NodeId
    command: CommandId
    report: Report


Errands = Sequence[tuple[Scope, Errand]]
"""What nodes must be told now; who learns of it sees that they are."""


class Progress:
    """Moves commands on; every deed may be done again, and changes nothing then."""

    def __init__(self, storage: Storage, clock: Clock, *, history: timedelta = HISTORY) -> None:
        self._storage = storage
        self._clock = clock
        self._history = history

    async def start(self, scope: Scope, command: CommandId) -> Sequence[Errand]:
        """Let the first nodes start; every node of the command that must be told something."""
        return await self._storage.write(scope, partial(self._start, command=command))

    async def owed(
        self, scope: Scope, *, node: NodeId | None = None, command: CommandId | None = None
    ) -> Sequence[Errand]:
        """What a node, or the nodes of a command, must still be told."""
        return await self._storage.read(scope, partial(store.errands, node=node, command=command))

    async def payload(self, scope: Scope, command: CommandId) -> Payload | None:
        """What the command's nodes are sent; None once it is history."""
        return await self._storage.read(scope, partial(command_store.payload, command=command))

    async def record(self, words: Sequence[Word]) -> Errands:
        """Keep what nodes say; returning means that it is durable."""
        errands: list[tuple[Scope, Errand]] = []
        for scope, own in _by_scope(words).items():
            errands += await self._storage.write(scope, partial(self._hear, scope=scope, words=own))
        return errands

    async def happen(self, scope: Scope, command: CommandId, event: Event) -> Sequence[Errand]:
        """Let the time's `event` happen to all of the command to which it can."""

        def turn(tx: Transaction) -> Sequence[Errand]:
            found = command_store.find(tx, command)
            if found is None or found.outcome.final:
                return ()
            at = self._clock.now()
            turns = store.turn(tx, command, event, at)
            go_on(tx, found, turns, at, history=self._history)
            return store.errands(tx, command=command)

        return await self._storage.write(scope, turn)

    async def wait_for_words(self, scope: Scope, command: CommandId) -> None:
        """Nobody was here when the command's time was up: hear first what nodes have to say."""
        again = self._clock.now() + RETURN

        def postpone(tx: Transaction) -> None:
            tx.schedule(EXPIRY_TIMER, command, again, {"waited": True})

        await self._storage.write(scope, postpone)

    async def find_silent(self, scope: Scope, command: CommandId) -> None:
        """Those that were told and do not answer are delayed; look again for the others."""

        def delay(tx: Transaction) -> None:
            found = command_store.find(tx, command)
            if found is None or found.outcome.final:
                return
            at = self._clock.now()
            turns = store.turn(tx, command, Event.SILENT, at, sent_before=at - SILENCE)
            go_on(tx, found, turns, at, history=self._history)
            if store.any_undelivered(tx, command):
                tx.schedule(SILENCE_TIMER, command, at + SILENCE)

        await self._storage.write(scope, delay)

    async def lose(self, scope: Scope, node: NodeId) -> Errands:
        """The node is none any more: nothing more is to be expected of it."""

        def end(tx: Transaction) -> Errands:
            at = self._clock.now()
            errands: list[tuple[Scope, Errand]] = []
            found = command_store.find_many(tx, store.commands_open_on(tx, node))
            for command in found.values():
                turns = store.turn(tx, command.id, Event.NODE_GONE, at, nodes=[node])
                nodes = go_on(tx, command, turns, at, history=self._history)
                errands += _errands(scope, command, nodes)
            return errands

        return await self._storage.write(scope, end)

    async def settle_cancel(self, scope: Scope, node: NodeId, command: CommandId) -> None:
        """The node knows that it shall stop."""
        await self._storage.write(scope, partial(store.settle_cancel, command=command, node=node))

    async def forget(self, scope: Scope, command: CommandId) -> None:
        """Drop a command that ended long ago."""
        await self._storage.write(scope, partial(command_store.forget, command=command))

    def _start(self, tx: Transaction, command: CommandId) -> Sequence[Errand]:
        found = command_store.find(tx, command)
        if found is None or found.outcome.final:
            return ()
        go_on(tx, found, (), self._clock.now(), history=self._history)
        return store.errands(tx, command=command)

    def _hear(self, tx: Transaction, scope: Scope, words: Sequence[Word]) -> Errands:
        at = self._clock.now()
        by_command: dict[CommandId, list[Word]] = {}
        for word in words:
            by_command.setdefault(word.command, []).append(word)
        errands: list[tuple[Scope, Errand]] = []
        for command in command_store.find_many(tx, sorted(by_command)).values():
            turns, rest = _receive(tx, command, by_command[command.id], at)
            changed = _Changed(store.find_many(tx, command.id, {word.node for word in rest}))
            changed.hear(command, rest, at)
            store.save(tx, changed.invocations)
            store.keep_outputs(tx, command.id, changed.outputs)
            turns += changed.turns
            nodes = go_on(tx, command, turns, at, history=self._history)
            errands += _errands(scope, command, nodes)
            errands += [(scope, Errand(command.id, node, cancel=True)) for node in changed.to_stop]
        return errands


def _receive(
    tx: Transaction, command: Command, words: Sequence[Word], at: datetime
) -> tuple[list[Turn], Sequence[Word]]:
    """Take in together the words that say no more than that the node has the job.

    They are two of three; what remains, how it ended above all, needs a closer look.
    """
    bare = sorted({word.node for word in words if word.report.bare})
    if not bare:
        return [], words
    turned = store.receive(tx, command.id, bare, at)
    # Whoever has what counts no more must be told to stop.
    closed = store.closed_among(tx, command.id, bare)
    return turned, [word for word in words if not word.report.bare or word.node in closed]


class _Changed:
    """Invocations of one command while they hear what their nodes say."""

    def __init__(self, before: Mapping[NodeId, Invocation]) -> None:
        self._before = before
        self._after = dict(before)
        self.outputs: dict[NodeId, dict[str, StepOutput]] = {}

    def hear(self, command: Command, words: Iterable[Word], at: datetime) -> None:
        """Hear the words; those about nodes or steps that the command has not are nothing."""
        steps = {step.id for step in command.steps}
        for word in words:
            invocation = self._after.get(word.node)
            if invocation is None:
                continue
            report = word.report
            if not report.steps.keys() <= steps:
                known = {step: told for step, told in report.steps.items() if step in steps}
                report = replace(report, steps=known)
            if new := invocation.new_output(report):
                self.outputs.setdefault(word.node, {}).update(new)
            self._after[word.node] = invocation.heard(report, at)

    @property
    def invocations(self) -> list[Invocation]:
        """Those that are not as they were."""
        return [one for one in self._after.values() if one != self._before[one.node]]

    @property
    def turns(self) -> list[Turn]:
        return [
            Turn(one.node, self._before[one.node].status, one.status)
            for one in self._after.values()
            if one.status is not self._before[one.node].status
        ]

    @property
    def to_stop(self) -> list[NodeId]:
        """Nodes that showed that they have what counts no more."""
        return [
            one.node
            for one in self._after.values()
            if one.cancel_owed and not self._before[one.node].cancel_owed
        ]


def _errands(scope: Scope, command: Command, nodes: Iterable[NodeId]) -> list[tuple[Scope, Errand]]:
    return [(scope, Errand(command.id, node, cancel=False)) for node in nodes]


def _by_scope(words: Iterable[Word]) -> dict[Scope, list[Word]]:
    found: dict[tuple[AccountId, Region], list[Word]] = {}
    for word in words:
        found.setdefault((word.scope.account, word.scope.region), []).append(word)
    return {Scope(account, region): own for (account, region), own in found.items()}
