"""State Manager as its callers see it: associate, change, look, apply now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ostler.capabilities.associations.errors import (
    AssociationAlreadyExists,
    AssociationDoesNotExist,
    AssociationLimitExceeded,
    AssociationVersionLimitExceeded,
    InvalidAssociationVersion,
    StatusUnchanged,
)
from ostler.capabilities.associations.model import (
    LATEST_VERSION,
    Association,
    Status,
    Terms,
    Trigger,
    Version,
    standing,
)
from ostler.capabilities.associations.service.checking import Checked, Checking
from ostler.capabilities.associations.service.moves import (
    DUE_TIMER,
    Moves,
    schedule,
)
from ostler.capabilities.associations.service.neighbours import Fleet, Tags, Teller, node_arn
from ostler.capabilities.associations.store import associations as store
from ostler.capabilities.associations.store import members as member_store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ApiError
from ostler.foundation.ids import Ids, NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction

RESOURCE = "Association"
"""What AWS calls associations where tags are concerned."""
MOST = 2000
MOST_VERSIONS = 1000


@dataclass(frozen=True, slots=True)
class Named:
    """An association by its id, or by the document and the only node of it."""

    association: str = ""
    document: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """An association as it is shown; `terms` are of the version that was asked for."""

    association: Association
    version: int
    terms: Terms
    counts: Mapping[Status, int] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """How it stands on its nodes together."""
        return standing(self.counts)


class Associations:
    """What is wanted of the fleet."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        fleet: Fleet,
        tags: Tags,
        checking: Checking,
        moves: Moves,
        teller: Teller,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._fleet = fleet
        self._tags = tags
        self._checking = checking
        self._moves = moves
        self._teller = teller

    async def create(self, call: Call, terms: Terms, tags: Mapping[str, str]) -> View:
        """Associate, and apply at once, unless only the schedule shall."""
        checked = await self._checking.check(call, terms)
        if tags:
            await call.allow(call.arn("association", "*"), action="ssm:AddTagsToResource")
        return await self._add(call, checked, tags)

    async def create_many(
        self, call: Call, many: Sequence[Terms | ApiError]
    ) -> Sequence[View | ApiError]:
        """Associate each that can be; an ApiError stands for each that cannot."""
        checked: list[Checked | ApiError] = []
        for terms in many:
            if isinstance(terms, ApiError):
                checked.append(terms)
                continue
            try:
                checked.append(await self._checking.check(call, terms))
            except ApiError as fault:
                if fault.code == "AccessDeniedException":
                    raise
                checked.append(fault)
        made: list[View | ApiError] = []
        for one in checked:
            if isinstance(one, ApiError):
                made.append(one)
                continue
            try:
                made.append(await self._add(call, one, {}))
            except ApiError as fault:
                made.append(fault)
        return made

    async def update(
        self, call: Call, association: str, terms: Terms, *, version: str = LATEST_VERSION
    ) -> View:
        """A new version, of these terms alone; without targets or a document it keeps its own."""
        arn = call.arn("association", association)
        await call.allow(arn)
        await call.allow(arn, action="ssm:DescribeAssociation")
        before = await self._storage.read(call.scope, lambda tx: _find(tx, association))
        terms = replace(
            terms,
            document=terms.document or before.terms.document,
            targets=terms.targets or before.terms.targets,
            node="" if terms.targets else before.terms.node,
        )
        checked = await self._checking.check(call, terms)
        at = self._clock.now()

        def change(tx: Transaction) -> tuple[View, Sequence[NodeId]]:
            known = _find(tx, association)
            if version not in (LATEST_VERSION, str(known.version)):
                raise InvalidAssociationVersion(
                    f"Version {version} is not the latest of the association, which is "
                    f"{known.version}."
                )
            if known.version >= MOST_VERSIONS:
                raise AssociationVersionLimitExceeded(
                    f"An association has at most {MOST_VERSIONS} versions."
                )
            other = (known.terms.schedule, known.terms.offset) != (terms.schedule, terms.offset)
            changed = replace(
                known,
                version=known.version + 1,
                terms=terms,
                updated=at,
                since=at if other else known.since,
                resolved=checked.resolved,
                run_limit=checked.run_limit,
            )
            changed = replace(changed, due=changed.due_after(at))
            store.change(tx, changed)
            return self._apply(tx, changed, Trigger.UPDATED, at)

        view, begun = await self._storage.write(call.scope, change)
        self._teller.tell(call.scope, begun)
        return view

    async def delete(self, call: Call, named: Named) -> None:
        """Want nothing any more; what nodes do at the moment they finish."""
        await self._allow(call, named)

        def drop(tx: Transaction) -> None:
            found = _named(tx, named)
            self._moves.leave(tx, found, member_store.nodes_of(tx, found.id), self._clock.now())
            store.forget(tx, found.id)
            tx.unschedule(DUE_TIMER, found.id)
            self._tags.drop(tx, RESOURCE, found.id)

        await self._storage.write(call.scope, drop)

    async def describe(self, call: Call, named: Named, version: str = LATEST_VERSION) -> View:
        """The association, in its latest version or an earlier one."""
        await self._allow(call, named)

        def look(tx: Transaction) -> View:
            found = _named(tx, named)
            counts = member_store.counts(tx, [found.id]).get(found.id, {})
            if version in (LATEST_VERSION, str(found.version)):
                return View(found, found.version, found.terms, counts)
            earlier = store.version(tx, found.id, int(version))
            if earlier is None:
                raise InvalidAssociationVersion(f"The association has no version {version}.")
            return View(found, earlier.number, earlier.terms, counts)

        return await self._storage.read(call.scope, look)

    async def list(self, call: Call, wanted: store.Wanted, asked: PageRequest) -> Page[View]:
        """Associations, in the order of their ids."""
        await call.allow()

        def look(tx: Transaction) -> Page[View]:
            page = store.page(tx, wanted, asked)
            counts = member_store.counts(tx, [one.id for one in page.items])
            views = [
                View(one, one.version, one.terms, counts.get(one.id, {})) for one in page.items
            ]
            return Page(views, page.last)

        return await self._storage.read(call.scope, look)

    async def versions(self, call: Call, association: str, asked: PageRequest) -> Page[Version]:
        """What was asked for, the oldest first."""
        await call.allow(call.arn("association", association))

        def look(tx: Transaction) -> Page[Version]:
            _find(tx, association)
            return store.version_page(tx, association, asked)

        return await self._storage.read(call.scope, look)

    async def start_once(self, call: Call, ids: Sequence[str]) -> None:
        """Apply these now, all or none."""
        await call.allow(*(call.arn("association", one) for one in ids))
        at = self._clock.now()

        def start(tx: Transaction) -> list[NodeId]:
            found = store.find_many(tx, ids)
            if missing := [one for one in ids if one not in found]:
                raise _missing(missing[0])
            begun: list[NodeId] = []
            for association in found.values():
                begun += self._begin(tx, association, Trigger.ONCE, at)
            return begun

        begun = await self._storage.write(call.scope, start)
        self._teller.tell(call.scope, list(dict.fromkeys(begun)))

    async def set_status(
        self, call: Call, document: str, node: str, status: Mapping[str, str]
    ) -> View:
        """What a node, or somebody for it, says of an association made with InstanceId."""
        named = Named(document=document, node=node)
        await self._allow(call, named)

        def change(tx: Transaction) -> View:
            found = _named(tx, named)
            if (found.legacy_status or {}).get("name") == status["name"]:
                raise StatusUnchanged
            found = replace(found, legacy_status=status)
            store.save(tx, found)
            counts = member_store.counts(tx, [found.id]).get(found.id, {})
            return View(found, found.version, found.terms, counts)

        return await self._storage.write(call.scope, change)

    async def _add(self, call: Call, checked: Checked, tags: Mapping[str, str]) -> View:
        at, terms = self._clock.now(), checked.terms
        new = Association(
            id=self._ids.uuid(),
            version=1,
            terms=terms,
            created=at,
            updated=at,
            since=at,
            resolved=checked.resolved,
            run_limit=checked.run_limit,
        )
        new = replace(new, due=new.due_after(at))

        def add(tx: Transaction) -> tuple[View, Sequence[NodeId]]:
            if store.count(tx) >= MOST:
                raise AssociationLimitExceeded
            if terms.node and store.legacy(tx, terms.document, terms.node):
                raise AssociationAlreadyExists
            store.add(tx, new)
            self._tags.put(tx, RESOURCE, new.id, tags)
            return self._apply(tx, new, Trigger.CREATED, at)

        view, begun = await self._storage.write(call.scope, add)
        self._teller.tell(call.scope, begun)
        return view

    def _apply(
        self, tx: Transaction, association: Association, trigger: Trigger, at: datetime
    ) -> tuple[View, Sequence[NodeId]]:
        """What follows from new terms: who has it, when it is due, and that it is applied."""
        schedule(tx, association)
        begun: Sequence[NodeId] = ()
        if association.terms.only_at_cron:
            self._moves.enlist(
                tx, association, self._fleet.matching(tx, association.terms.whom), at
            )
        else:
            begun = self._begin(tx, association, trigger, at)
        counts = member_store.counts(tx, [association.id]).get(association.id, {})
        return View(association, association.version, association.terms, counts), begun

    def _begin(
        self, tx: Transaction, association: Association, trigger: Trigger, at: datetime
    ) -> Sequence[NodeId]:
        nodes = self._fleet.matching(tx, association.terms.whom)
        self._moves.enlist(tx, association, nodes, at)
        return self._moves.begin(tx, association, trigger, nodes, at)

    async def _allow(self, call: Call, named: Named) -> None:
        if named.association:
            await call.allow(call.arn("association", named.association))
        else:
            await call.allow(call.arn("document", named.document), node_arn(call.scope, named.node))


def _named(tx: Transaction, named: Named) -> Association:
    if named.association:
        return _find(tx, named.association)
    found = store.legacy(tx, named.document, named.node)
    if found is None:
        raise AssociationDoesNotExist(
            f"Association of {named.document} with {named.node} does not exist."
        )
    return found


def _find(tx: Transaction, association: str) -> Association:
    found = store.find(tx, association)
    if found is None:
        raise _missing(association)
    return found


def _missing(association: str) -> AssociationDoesNotExist:
    return AssociationDoesNotExist(f"Association {association} does not exist.")
