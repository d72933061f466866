"""Applying: what happens to associations by itself, and what nodes say of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from ostler.capabilities.associations.errors import AssociationDoesNotExist
from ostler.capabilities.associations.model import (
    LATEST_VERSION,
    Association,
    Hearing,
    Member,
    Report,
    Run,
    Status,
    Trigger,
    hear,
)
from ostler.capabilities.associations.service.announcing import tell_of_run
from ostler.capabilities.associations.service.complying import Complying
from ostler.capabilities.associations.service.moves import (
    Moves,
    schedule,
    watch,
)
from ostler.capabilities.associations.service.neighbours import (
    Fleet,
    Teller,
    document_names,
    node_arn,
    speaks_for_itself,
)
from ostler.capabilities.associations.store import associations as store
from ostler.capabilities.associations.store import executions as execution_store
from ostler.capabilities.associations.store import members as member_store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.foundation.timers import Due
from ostler.grammar.documents import stored_references

_AT_ONCE = 500
_HANGS = "The run had not ended when its time was up."

Pair = tuple[str, NodeId]


@dataclass(slots=True)
class _Batch:
    """What is said while what was said before is being written."""

    said: list[tuple[Scope, Report]] = field(default_factory=list)
    written: asyncio.Task[frozenset[Pair]] | None = None


class Applying:
    """Applies associations when their time has come, and hears what nodes say."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        moves: Moves,
        fleet: Fleet,
        complying: Complying,
        teller: Teller,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._moves = moves
        self._fleet = fleet
        self._complying = complying
        self._teller = teller
        self._batch: _Batch | None = None
        self._turn = asyncio.Lock()

    # Nodes speak.

    async def report(self, call: Call, report: Report) -> None:
        """Keep what the node says; what comes while it is being written is written together."""
        await call.allow(node_arn(call.scope, report.node))
        speaks_for_itself(call, report.node)
        if self._batch is None:
            self._batch = _Batch()
            self._batch.written = asyncio.create_task(self._write(self._batch))
        batch = self._batch
        batch.said.append((call.scope, report))
        assert batch.written is not None
        known = await asyncio.shield(batch.written)
        if (report.association, report.node) not in known:
            raise AssociationDoesNotExist(f"Association {report.association} does not exist.")

    # Times.

    async def run_due(self, due: Due) -> None:
        """An association's time has come. Done in one transaction, so that no crash doubles it."""
        now = self._clock.now()

        def run(tx: Transaction) -> list[NodeId]:
            tx.finish(due)
            found = store.find(tx, due.key)
            if found is None or found.due is None:
                return []
            if found.due > now:
                # Changed meanwhile, or the clock went back.
                schedule(tx, found)
                return []
            # What was missed while nobody was here is made up for once.
            found = replace(found, due=found.due_after(now))
            store.save(tx, found)
            schedule(tx, found)
            return self._begin(tx, found, Trigger.SCHEDULE, now)

        self._teller.tell(due.scope, await self._storage.write(due.scope, run))

    async def find_overdue(self, due: Due) -> None:
        """Runs that hang time out; nodes that do not begin lose their place."""
        while await self._storage.write(due.scope, partial(self._expire, scope=due.scope)):
            pass

    # What others tell of.

    async def document_changed(
        self, scope: Scope, name: str, *, default_version: str, latest_version: str
    ) -> None:
        """Associations of the default or the latest version run another one now."""
        at = self._clock.now()

        def run(tx: Transaction) -> list[NodeId]:
            begun: list[NodeId] = []
            for one in store.of_document(tx, document_names(scope, name)):
                latest = one.terms.document_version == LATEST_VERSION
                resolved = latest_version if latest else default_version
                if resolved == one.resolved:
                    continue
                changed = replace(one, resolved=resolved)
                store.save(tx, changed)
                begun += self._begin_unless_scheduled(tx, changed, Trigger.DOCUMENT, at)
            return begun

        self._teller.tell(scope, await self._storage.write(scope, run))

    async def parameter_changed(self, scope: Scope, name: str) -> None:
        """Associations whose values refer to a parameter run with its new value."""
        at = self._clock.now()

        def run(tx: Transaction) -> list[NodeId]:
            begun: list[NodeId] = []
            for one in store.every(tx):
                if name.removeprefix("/") in _referred(one):
                    begun += self._begin_unless_scheduled(tx, one, Trigger.PARAMETER, at)
            return begun

        self._teller.tell(scope, await self._storage.write(scope, run))

    async def reconsider(self, scope: Scope, node: NodeId) -> None:
        """A node is new, is back, or carries other tags: which associations are its own?"""
        at = self._clock.now()

        def look(tx: Transaction) -> list[NodeId]:
            labels = self._fleet.labels(tx, node)
            held = member_store.held_by(tx, node)
            begun: list[NodeId] = []
            for one in store.every(tx):
                fits = labels is not None and one.terms.whom.fit(node, labels)
                if fits and one.id not in held:
                    member_store.add(tx, one, [node])
                    if not one.terms.only_at_cron:
                        begun += self._moves.begin(tx, one, Trigger.NODE, {node: True}, at)
                elif not fits and one.id in held:
                    begun += self._moves.leave(tx, one, [node], at)
            return begun

        self._teller.tell(scope, await self._storage.write(scope, look))

    # In transactions.

    def _begin_unless_scheduled(
        self, tx: Transaction, association: Association, trigger: Trigger, at: datetime
    ) -> list[NodeId]:
        if association.terms.only_at_cron:
            return []
        return self._begin(tx, association, trigger, at)

    def _begin(
        self, tx: Transaction, association: Association, trigger: Trigger, at: datetime
    ) -> list[NodeId]:
        nodes = self._fleet.matching(tx, association.terms.whom)
        self._moves.enlist(tx, association, nodes, at)
        return self._moves.begin(tx, association, trigger, nodes, at)

    def _expire(self, tx: Transaction, scope: Scope) -> bool:
        """Whether there may be more of them."""
        at = self._clock.now()
        overdue = execution_store.overdue(tx, at, _AT_ONCE)
        hanging = [run for run in overdue if run.status is Status.IN_PROGRESS]
        silent = [(run.execution, run.node) for run in overdue if run not in hanging]
        execution_store.release(tx, silent)
        known = store.find_many(tx, {run.association for run in overdue})
        begun: list[NodeId] = []
        for association in known.values():
            own = [run for run in hanging if run.association == association.id]
            begun += self._moves.end_runs(tx, association, own, Status.TIMED_OUT, _HANGS, at)
            let_go = [run for run in overdue if run.association == association.id]
            begun += self._moves.proceed(
                tx, association, [(r, r.status) for r in let_go if r not in own], at
            )
        following = execution_store.next_deadline(tx)
        if following is not None:
            watch(tx, following)
        if begun:
            tx.after_commit(lambda: self._teller.tell(scope, begun))
        return len(overdue) == _AT_ONCE

    async def _write(self, batch: _Batch) -> frozenset[Pair]:
        async with self._turn:
            self._batch = None
            by_scope: dict[Scope, list[Report]] = {}
            for scope, report in batch.said:
                by_scope.setdefault(scope, []).append(report)
            known: set[Pair] = set()
            for scope, reports in by_scope.items():
                heard = partial(self._hear, reports=reports, at=self._clock.now())
                own, begun = await self._storage.write(scope, heard)
                known |= own
                self._teller.tell(scope, begun)
            return frozenset(known)

    def _hear(
        self, tx: Transaction, reports: Sequence[Report], at: datetime
    ) -> tuple[set[Pair], list[NodeId]]:
        """What these reports change; the pairs that there are, and the nodes that may begin."""
        pairs = [(one.association, one.node) for one in reports]
        members = member_store.find_many(tx, dict.fromkeys(pairs))
        known = store.find_many(tx, {association for association, _ in members})
        heard = _Heard(tx, members, at, self._complying)
        for report in reports:
            member = heard.members.get((report.association, report.node))
            if member is None:
                continue
            match hear(member, report):
                case Hearing.TAKEN:
                    heard.take(member, report, known[report.association])
                case Hearing.BY_ITSELF:
                    heard.keep()
                    one = known[report.association]
                    self._moves.begin(tx, one, Trigger.NODE, {report.node: True}, at)
                    heard.again(report)
                    heard.take(
                        heard.members[report.association, report.node],
                        report,
                        known[report.association],
                    )
        heard.keep()
        begun: list[NodeId] = []
        for association, turns in heard.turns.items():
            begun += self._moves.proceed(tx, known[association], turns, at)
        return set(members), begun


class _Heard:
    """What reports of one batch come to, before it is written."""

    def __init__(
        self, tx: Transaction, members: dict[Pair, Member], at: datetime, complying: Complying
    ) -> None:
        self.members = members
        self.turns: dict[str, list[tuple[Run, Status]]] = {}
        self._tx = tx
        self._at = at
        self._complying = complying
        self._changed: dict[Pair, Member] = {}
        self._runs: dict[tuple[str, NodeId], Run] = {}
        self._looked: set[str] = set()

    def take(self, member: Member, report: Report, association: Association) -> None:
        """The report counts."""
        at, status = self._at, report.status
        waited = member.status is Status.WAITING
        if status is Status.PENDING and member.status is Status.PENDING:
            # It knows that it may begin; nothing else is new.
            self._change(replace(member, overtaken=False))
            return
        after = replace(
            member,
            status=status,
            overtaken=False,
            ran=at if status is not Status.PENDING else member.ran,
            succeeded=at if status is Status.SUCCESS else member.succeeded,
            summary=report.summary,
            error_code=report.error_code,
            output_url=report.output_url,
            drift=report.drift if status.final else member.drift,
        )
        self._change(after)
        run = self._run(member)
        if run is None or run.status.final or run.status is status:
            return
        limit = timedelta(seconds=association.run_limit)
        deadline = at + limit if status is Status.IN_PROGRESS else None
        if deadline is not None:
            watch(self._tx, deadline)
        turned = replace(
            run,
            status=status,
            bound=run.bound and not waited,
            deadline=deadline,
            ended=at if status.final else None,
            last=at,
            summary=report.summary,
            error_code=report.error_code,
            output_url=report.output_url,
        )
        self._runs[run.execution, run.node] = turned
        self.turns.setdefault(run.association, []).append((run, status))
        tell_of_run(self._tx, association, turned, at)
        if status.final:
            self._complying.judge(self._tx, association, turned, at, after.drift)

    def keep(self) -> None:
        """Write down what has changed so far."""
        member_store.save(self._tx, list(self._changed.values()))
        execution_store.save_runs(self._tx, list(self._runs.values()))
        self._changed.clear()

    def again(self, report: Report) -> None:
        """How the association stands on the node was changed by somebody else."""
        pair = (report.association, report.node)
        self.members.update(member_store.find_many(self._tx, [pair]))

    def _change(self, member: Member) -> None:
        pair = (member.association, member.node)
        self.members[pair] = self._changed[pair] = member

    def _run(self, member: Member) -> Run | None:
        if member.execution is None:
            return None
        pair = (member.execution, member.node)
        if pair not in self._runs:
            self._runs.update(execution_store.find_runs(self._tx, [pair]))
        return self._runs.get(pair)


def _referred(association: Association) -> set[str]:
    """The parameters of Parameter Store that an association's values refer to."""
    values = dict(association.terms.parameters or {})
    return {one.name.partition(":")[0].removeprefix("/") for one in stored_references(values)}
