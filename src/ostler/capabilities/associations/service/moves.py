"""Moves: an association is applied to nodes, and goes on after what they say; in a transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ostler.capabilities.associations.model import (
    PATIENCE,
    Association,
    Execution,
    Run,
    Status,
    Trigger,
    moved,
    outcome,
)
from ostler.capabilities.associations.service.announcing import tell_of_association, tell_of_run
from ostler.capabilities.associations.service.complying import Complying
from ostler.capabilities.associations.store import associations as store
from ostler.capabilities.associations.store import executions as execution_store
from ostler.capabilities.associations.store import members as member_store
from ostler.foundation.ids import Ids, NodeId
from ostler.foundation.storage import Transaction

DUE_TIMER = "associations.due"
DEADLINE_TIMER = "associations.deadline"
HISTORY = timedelta(days=30)

_MINUTE = timedelta(minutes=1)
_EVERYBODY = 1_000_000
_STOPPED = "Not begun: more nodes had failed than MaxErrors allows."
_LEFT = "The node is none of the association's targets any more."
_OVERTAKEN = "Another run became due while this one was under way."
_NOT_BEGUN = "The node had not begun when the next run became due."


class Moves:
    """Applies associations, and lets them go on."""

    def __init__(self, ids: Ids, complying: Complying, *, history: timedelta = HISTORY) -> None:
        self._ids = ids
        self._complying = complying
        self._history = history

    def begin(
        self,
        tx: Transaction,
        association: Association,
        trigger: Trigger,
        nodes: Mapping[NodeId, bool],
        at: datetime,
    ) -> list[NodeId]:
        """Apply the association to these nodes (is each there?); those that may begin.

        What is still open of earlier executions on them is over: a new run ends the one before.
        Nodes that are away may begin whenever they return, and take up no room.
        """
        order = sorted(nodes)
        if not order:
            return []
        self._overtake(tx, association, order, at)
        execution = self._ids.uuid()
        rollout = association.terms.rollout(len(order))
        new = Execution(
            id=execution,
            association=association.id,
            version=association.version,
            trigger=trigger,
            created=at,
            max_concurrency=rollout.max_concurrency,
            max_errors=rollout.max_errors,
            tally={Status.WAITING: len(order)},
        )
        execution_store.add(tx, new, order)
        member_store.join(tx, association, execution, order)
        away = [node for node in order if not nodes[node]]
        if away:
            execution_store.grant(tx, execution, away, bound=False, deadline=None)
            member_store.grant(tx, association.id, away)
            new = replace(new, tally=moved(new.tally, Status.WAITING, Status.PENDING, len(away)))
        new, granted = self._grant(tx, new, at)
        self._settle(tx, association, new, new, at)
        tell_of_association(tx, association, new, at)
        execution_store.forget(tx, association.id, at - self._history)
        return [*away, *granted]

    def enlist(
        self, tx: Transaction, association: Association, nodes: Iterable[NodeId], at: datetime
    ) -> None:
        """Let the association have these nodes and no others."""
        wanted, known = set(nodes), set(member_store.nodes_of(tx, association.id))
        member_store.add(tx, association, sorted(wanted - known))
        self.leave(tx, association, sorted(known - wanted), at)

    def leave(
        self, tx: Transaction, association: Association, nodes: Sequence[NodeId], at: datetime
    ) -> list[NodeId]:
        """These nodes are the association's no more; those that may begin in their place."""
        if not nodes:
            return []
        still_open = execution_store.open_runs(tx, association.id, nodes)
        member_store.remove(tx, association.id, nodes)
        for node in nodes:
            self._complying.forget(tx, association.id, node)
        return self.end_runs(tx, association, still_open, Status.SKIPPED, _LEFT, at)

    def end_runs(
        self,
        tx: Transaction,
        association: Association,
        ending: Sequence[Run],
        status: Status,
        summary: str,
        at: datetime,
    ) -> list[NodeId]:
        """The server ends these runs; the nodes that may begin since there is room again."""
        if not ending:
            return []
        pairs = [(run.execution, run.node) for run in ending]
        execution_store.end(tx, pairs, status, at, summary)
        member_store.end(tx, pairs, status, at, summary)
        for run in ending:
            over = replace(run, status=status, summary=summary, last=at, ended=at, error_code="")
            tell_of_run(tx, association, over, at)
            self._complying.judge(tx, association, over, at)
        return self.proceed(tx, association, [(run, status) for run in ending], at)

    def proceed(
        self,
        tx: Transaction,
        association: Association,
        turns: Sequence[tuple[Run, Status]],
        at: datetime,
    ) -> list[NodeId]:
        """Count the turns (each run as it was, and its new status), and let others begin."""
        by_execution: dict[str, list[tuple[Run, Status]]] = {}
        for run, latter in turns:
            by_execution.setdefault(run.execution, []).append((run, latter))
        known = execution_store.find_many(tx, [(association.id, one) for one in by_execution])
        begun: list[NodeId] = []
        for id_, own in by_execution.items():
            before = known.get(id_)
            if before is None:
                continue
            tally = before.tally
            for run, latter in own:
                tally = moved(tally, run.status, latter)
            after, granted = self._grant(tx, replace(before, tally=tally, last=at), at)
            self._settle(tx, association, before, after, at)
            begun += granted
        return begun

    def _settle(
        self,
        tx: Transaction,
        association: Association,
        before: Execution,
        after: Execution,
        at: datetime,
    ) -> None:
        """Keep how the execution stands; tell, if it stands otherwise than before."""
        status = outcome(after.tally)
        after = replace(after, status=status, ended=at if status.final else None)
        execution_store.save(tx, after)
        if status.coarse == before.status.coarse:
            return
        if status.final:
            store.ended(tx, association.id, at, succeeded=not status.error)
        tell_of_association(tx, association, after, at)

    def _grant(
        self, tx: Transaction, execution: Execution, at: datetime
    ) -> tuple[Execution, list[NodeId]]:
        """Let as many begin as there is room for; nobody, once too many have failed."""
        waiting = execution.tally.get(Status.WAITING, 0)
        if not waiting:
            return execution, []
        if execution.errors > execution.max_errors:
            left = execution_store.waiting(tx, execution.id, _EVERYBODY)
            pairs = [(execution.id, node) for node in left]
            execution_store.end(tx, pairs, Status.SKIPPED, at, _STOPPED)
            member_store.end(tx, pairs, Status.SKIPPED, at, _STOPPED)
            tally = moved(execution.tally, Status.WAITING, Status.SKIPPED, len(left))
            return replace(execution, tally=tally), []
        room = execution.max_concurrency - execution_store.taking_room(tx, execution.id)
        if room <= 0:
            return execution, []
        nodes = execution_store.waiting(tx, execution.id, room)
        # While others wait, a node that does not begin loses its place after a while.
        deadline = at + PATIENCE if waiting > len(nodes) else None
        execution_store.grant(tx, execution.id, nodes, bound=True, deadline=deadline)
        member_store.grant(tx, execution.association, nodes)
        if deadline is not None:
            watch(tx, deadline)
        tally = moved(execution.tally, Status.WAITING, Status.PENDING, len(nodes))
        return replace(execution, tally=tally), nodes

    def _overtake(
        self, tx: Transaction, association: Association, nodes: Sequence[NodeId], at: datetime
    ) -> None:
        still_open = execution_store.open_runs(tx, association.id, nodes)
        under_way = [run for run in still_open if run.status is Status.IN_PROGRESS]
        not_begun = [run for run in still_open if run.status is not Status.IN_PROGRESS]
        # Those that wait end first, or the room of the others would be given to them.
        for ending, summary in ((not_begun, _NOT_BEGUN), (under_way, _OVERTAKEN)):
            pairs = [(run.execution, run.node) for run in ending]
            execution_store.end(tx, pairs, Status.TIMED_OUT, at, summary)
        turned = [(run, Status.TIMED_OUT) for run in [*not_begun, *under_way]]
        self.proceed(tx, association, turned, at)


def schedule(tx: Transaction, association: Association) -> None:
    """Have the association's next time kept, or none."""
    if association.due is None:
        tx.unschedule(DUE_TIMER, association.id)
    else:
        tx.schedule(DUE_TIMER, association.id, association.due)


def watch(tx: Transaction, deadline: datetime) -> None:
    """Look at the full minute after a deadline: one timer serves all of the scope."""
    due = deadline.replace(second=0, microsecond=0)
    if due < deadline:
        due += _MINUTE
    tx.schedule(DEADLINE_TIMER, f"{due:%Y-%m-%dT%H:%M}", due)
