"""Sharing: reading the parameters that other accounts let one in to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from ostler.capabilities.parameters.errors import ParameterNotFound
from ostler.capabilities.parameters.model.filters import Clause, Condition, Field
from ostler.capabilities.parameters.model.kinds import Kind, Tier
from ostler.capabilities.parameters.model.names import Name
from ostler.capabilities.parameters.model.parameters import DEFAULT_KEY, Reading, Version
from ostler.capabilities.parameters.service.policies import arn_of
from ostler.capabilities.parameters.service.tagged import carriers
from ostler.capabilities.parameters.store import listing
from ostler.capabilities.parameters.store import parameters as store
from ostler.capabilities.settings import ResourcePolicies
from ostler.capabilities.tags import Tags
from ostler.foundation.call import Call
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope, Storage, Transaction

_KIND = "parameter"


@dataclass(frozen=True, slots=True)
class Described:
    """What a version says, and whose parameter it is of."""

    arn: str
    version: Version


def obstacle_to_sharing(tx: Transaction, key: str) -> str | None:
    """Why a parameter cannot be shared: AWS's two conditions; None where there is none."""
    version = store.newest(tx, key)
    if version is None:
        return None
    if version.terms.tier is not Tier.ADVANCED:
        return "Only parameters of the advanced tier can be shared."
    if version.terms.kind is Kind.SECURE and version.terms.key_id.endswith(DEFAULT_KEY):
        return (
            "A SecureString is shared under a key of one's own, whose policy lets the other "
            f"account in as well; {DEFAULT_KEY} stays within the account."
        )
    return ""


class Guests:
    """The parameters as those see them whom another account let in."""

    def __init__(self, storage: Storage, tags: Tags, policies: ResourcePolicies) -> None:
        self._storage = storage
        self._tags = tags
        self._policies = policies

    async def find(self, call: Call, name: Name, *, action: str = "") -> Reading:
        """The version that an ARN of another account names; whether it is shared is told to
        nobody with whom it is not."""
        await call.allow(name.arn, action=action)
        scope, key = _place(name.arn)
        if scope.region != call.region:
            raise ParameterNotFound()

        def look(tx: Transaction) -> tuple[Policy | None, Reading | None]:
            return self._policies.of(tx, name.arn), store.read(tx, key, name.selector)

        policy, found = await self._storage.read(scope, look)
        if found is None or not await _is_open(call, policy, name.arn, scope, action):
            raise ParameterNotFound()
        return found

    async def describe(
        self, call: Call, clauses: Sequence[Clause], asked: PageRequest
    ) -> Page[Described]:
        """Some of the parameters that others share with the caller's account."""
        shared = await self._policies.opened_to(call, _KIND)
        after = ("", "") if asked.after is None else (asked.after[0], asked.after[1])
        found: list[Described] = []
        for owner, group in groupby([each for each in shared if each > after], lambda one: one[0]):
            scope = Scope(AccountId(owner), call.region)
            keys = tuple(key for _, key in group)
            wanted = [*clauses, Condition(Field.NAME, keys)]
            look = partial(self._look, scope=scope, clauses=wanted, most=asked.limit + 1)
            for version, policy in await self._storage.read(scope, look):
                arn = arn_of(scope, version.key)
                if await _is_open(call, policy, arn, scope):
                    found.append(Described(arn, version))
        return Page.cut(
            found[: asked.limit + 1],
            asked.limit,
            lambda each: (each.arn.split(":")[4], each.version.key),
        )

    def _look(
        self, tx: Transaction, scope: Scope, clauses: Sequence[Clause], most: int
    ) -> list[tuple[Version, Policy | None]]:
        page = listing.described(tx, clauses, carriers(tx, self._tags, clauses), PageRequest(most))
        return [
            (version, self._policies.of(tx, arn_of(scope, version.key))) for version in page.items
        ]


async def _is_open(
    call: Call, policy: Policy | None, arn: str, scope: Scope, action: str = ""
) -> bool:
    try:
        await call.allow_where(policy, arn, owner=scope.account, action=action)
    except AccessDeniedException:
        return False
    return True


def _place(arn: str) -> tuple[Scope, str]:
    _, _, _, region, account, resource = arn.split(":", 5)
    return Scope(AccountId(account), Region(region)), resource.removeprefix(f"{_KIND}/")
