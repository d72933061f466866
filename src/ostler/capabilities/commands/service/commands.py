"""Run Command as its callers see it: send, cancel, look."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from ostler.capabilities.commands.errors import (
    DuplicateInstanceId,
    InvalidCommandId,
    InvalidInstanceId,
    InvalidPluginName,
    InvalidRole,
    InvocationDoesNotExist,
)
from ostler.capabilities.commands.events import CancelAsked, CommandSent
from ostler.capabilities.commands.model import (
    NOT_STARTED,
    Command,
    Event,
    Invocation,
    Order,
    Status,
    Step,
    StepOutput,
    StepResult,
)
from ostler.capabilities.commands.service.moves import (
    CANCEL_PATIENCE,
    CANCEL_TIMER,
    HISTORY,
    announce_refused,
    go_on,
    node_arn,
    schedule,
)
from ostler.capabilities.commands.service.neighbours import (
    SERVICE,
    Documents,
    DocumentVersion,
    Fleet,
    Node,
    Roles,
    StoredValues,
)
from ostler.capabilities.commands.service.planning import check_order, make_plan
from ostler.capabilities.commands.service.stored import fetch
from ostler.capabilities.commands.store import commands as command_store
from ostler.capabilities.commands.store import invocations as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import CommandId, Ids, NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.grammar.targets import Targets

_MANY = 1000


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of an invocation as it is shown."""

    step: Step
    result: StepResult
    output: StepOutput


@dataclass(frozen=True, slots=True)
class InvocationView:
    """An invocation as it is shown, with its command and its steps."""

    command: Command
    invocation: Invocation
    steps: Sequence[StepView] = ()

    @property
    def only_step(self) -> StepView | None:
        """The step, where there is one; None where there are several."""
        return self.steps[0] if len(self.steps) == 1 else None

    @property
    def code(self) -> int:
        """What the steps come to: the code of the first that went wrong, or of the last."""
        if not self.invocation.status.final or not self.steps:
            return NOT_STARTED
        wrong = [step for step in self.steps if step.result.status is not Status.SUCCESS]
        return (wrong[0] if wrong else self.steps[-1]).result.code


@dataclass(frozen=True, slots=True)
class Census:
    """Commands, and their invocations, by how they stand."""

    commands: Mapping[str, int]
    invocations: Mapping[str, int]


class Prompt(Protocol):
    """Tells nodes at once what they would be told a moment later anyway."""

    def tell_at_once(
        self, scope: Scope, command: CommandId, errands: Sequence[store.Errand]
    ) -> None: ...


class Commands:
    """Orders to many nodes at once."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        documents: Documents,
        fleet: Fleet,
        roles: Roles,
        stored: StoredValues,
        prompt: Prompt,
        *,
        history: timedelta = HISTORY,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._documents = documents
        self._fleet = fleet
        self._roles = roles
        self._stored = stored
        self._prompt = prompt
        self._history = history

    async def census(self) -> Census:
        """How the commands of the whole house stand that have not ended."""
        standing = await self._storage.read(None, command_store.unended)
        invocations: Counter[str] = Counter()
        for _, tally in standing:
            invocations.update({status.value: n for status, n in tally.counts.items()})
        return Census(Counter(outcome.value for outcome, _ in standing), invocations)

    async def send(self, call: Call, order: Order) -> Command:
        """Accept the order: from now on it is kept, whatever happens to this server."""
        targets = check_order(order)
        version = await self._document(call, order)
        nodes, denied = await self._nodes(call, order, targets)
        await self._check_role(call, order)
        stored = await fetch(self._stored, call, order, version)
        plan = make_plan(
            order,
            version,
            nodes,
            denied,
            stored=stored,
            command=CommandId(self._ids.uuid()),
            at=self._clock.now(),
        )

        def add(tx: Transaction) -> Sequence[NodeId]:
            command_store.add(tx, plan.command, plan.content, plan.bound)
            store.add(tx, plan.invocations)
            schedule(tx, plan.command)
            tx.tell(CommandSent(command=plan.command.id))
            announce_refused(tx, plan.command, plan.invocations)
            return go_on(tx, plan.command, (), plan.command.requested, history=self._history)

        started = await self._storage.write(call.scope, add)
        errands = [store.Errand(plan.command.id, node, cancel=False) for node in started]
        self._prompt.tell_at_once(call.scope, plan.command.id, errands)
        if len(plan.invocations) >= _MANY:
            await self._storage.write(None, store.learn)
        return plan.command

    async def cancel(self, call: Call, command: CommandId, nodes: Sequence[NodeId]) -> None:
        """Stop the command on these nodes, on all of its nodes where none is named."""
        await call.allow()
        if len(set(nodes)) < len(nodes):
            raise DuplicateInstanceId("A node is named more than once in InstanceIds.")
        at = self._clock.now()

        def stop(tx: Transaction) -> None:
            found = command_store.find(tx, command)
            if found is None:
                raise InvalidCommandId(f"Command id {command} does not exist.")
            its = store.find_many(tx, command, nodes)
            if missing := [node for node in nodes if node not in its]:
                raise InvalidInstanceId(f"Command {command} was not sent to {', '.join(missing)}.")
            if found.outcome.final:
                return
            wanted = replace(found, cancelled=found.cancelled or not nodes)
            if wanted != found:
                command_store.save(tx, wanted)
            turns = store.turn(tx, command, Event.CANCEL_ASKED, at, nodes=nodes or None)
            tx.schedule(CANCEL_TIMER, command, at + CANCEL_PATIENCE)
            go_on(tx, wanted, turns, at, history=self._history)
            tx.tell(CancelAsked(command=command))

        await self._storage.write(call.scope, stop)

    async def list(
        self, call: Call, wanted: command_store.Wanted, asked: PageRequest
    ) -> Page[Command]:
        """Commands, the newest first."""
        await call.allow()
        return await self._storage.read(
            call.scope, partial(command_store.page, wanted=wanted, asked=asked)
        )

    async def invocations(
        self, call: Call, wanted: store.Wanted, asked: PageRequest, *, details: bool
    ) -> Page[InvocationView]:
        """Invocations, those of the newest commands first; with `details` their steps, too."""
        await call.allow()
        now = self._clock.now()

        def look(tx: Transaction) -> Page[InvocationView]:
            page = store.page(tx, wanted, asked)
            return Page(_views(tx, page.items, now, outputs=details), page.last)

        return await self._storage.read(call.scope, look)

    async def invocation(
        self, call: Call, command: CommandId, node: NodeId, step: str = ""
    ) -> InvocationView:
        """An invocation with all its steps, or only the step of that name."""
        await call.allow()
        now = self._clock.now()

        def look(tx: Transaction) -> InvocationView | None:
            found = store.find(tx, command, node)
            return _views(tx, [found], now, outputs=True)[0] if found else None

        view = await self._storage.read(call.scope, look)
        if view is None:
            raise InvocationDoesNotExist(f"Invocation not found for {command}, {node}")
        if not step:
            return view
        named = [each for each in view.steps if each.step.id == step]
        if not named:
            raise InvalidPluginName(
                f"Plugin {step} not found for invocation with command id {command} and "
                f"instance id {node}"
            )
        return replace(view, steps=named)

    async def _document(self, call: Call, order: Order) -> DocumentVersion:
        return await self._documents.resolve(
            call,
            order.document,
            order.version,
            hash=order.document_hash or None,
            hash_type=order.hash_type or None,
        )

    async def _nodes(
        self, call: Call, order: Order, targets: Targets
    ) -> tuple[Sequence[Node], frozenset[NodeId]]:
        """The nodes that are meant, and those among them on which the caller may not run this.

        Who names a node must be allowed to use it; a tag may be on nodes of others, too: there
        the command ends with AccessDenied, as AWS has it.
        """
        if order.nodes:
            await call.allow(*(node_arn(call.scope, node) for node in order.nodes))
            return await self._fleet.get_many(call, order.nodes), frozenset()
        nodes = await self._fleet.resolve(call, targets)
        denied = [node.id for node in nodes if not await call.may(node_arn(call.scope, node.id))]
        return nodes, frozenset(denied)

    async def _check_role(self, call: Call, order: Order) -> None:
        if not order.role:
            if order.notification.topic:
                raise InvalidRole("Notifications need a ServiceRoleArn, by which they are sent.")
            return
        name = order.role.rpartition("/")[2]
        if not order.role.startswith(f"arn:aws:iam::{call.account}:role/") or not name:
            raise InvalidRole(f"{order.role} is not the ARN of a role of this account.")
        await self._roles.pass_role(call, order.role)
        if not await self._roles.role_exists(call.scope, name, SERVICE):
            raise InvalidRole(
                f"There is no role {order.role}, or it does not trust Systems Manager."
            )


def _views(
    tx: Transaction, invocations: Sequence[Invocation], at: datetime, *, outputs: bool
) -> list[InvocationView]:
    commands = command_store.find_many(tx, {one.command for one in invocations})
    pairs = [(one.command, one.node) for one in invocations]
    written = store.outputs_of(tx, pairs) if outputs else {}
    return [
        InvocationView(
            commands[one.command],
            one,
            list(_steps(commands[one.command], one, written.get((one.command, one.node), {}), at)),
        )
        for one in invocations
    ]


def _steps(
    command: Command, invocation: Invocation, written: dict[str, StepOutput], at: datetime
) -> Iterable[StepView]:
    first = True
    for step in command.steps:
        result = invocation.step(step.id, first=first, at=at, expires=command.expires)
        yield StepView(step, result, written.get(step.id, StepOutput()))
        first = first and result.status.final
