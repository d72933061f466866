"""Resource policies, and to whom they open what."""

from collections.abc import Collection

from sqlalchemy import delete, select

from ostler.capabilities.settings.model.sharing import ResourcePolicy, Shared
from ostler.capabilities.settings.store.tables import grants, policies
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Transaction


def of(tx: Transaction, arn: str) -> list[ResourcePolicy]:
    """The policies of a resource, in the order of their ids."""
    found = tx.all(select(policies).where(policies.c.arn == arn).order_by(policies.c.id))
    return [ResourcePolicy(row.id, row.arn, row.document) for row in found]


def page(tx: Transaction, arn: str, asked: PageRequest) -> Page[ResourcePolicy]:
    """Some of them."""
    after = "" if asked.after is None else asked.after[0]
    found = [each for each in of(tx, arn) if each.id > after]
    return Page.cut(found[: asked.limit + 1], asked.limit, lambda each: (each.id,))


def put(
    tx: Transaction, scope: Scope, resource: Shared, policy: ResourcePolicy, to: Collection[str]
) -> None:
    """Keep a policy, new or changed, and to whom it opens the resource."""
    row = {"id": policy.id, "arn": policy.arn, "document": policy.document}
    tx.upsert(policies, row, key=["id"])
    _close(tx, scope, [policy.id])
    tx.insert_many(
        grants,
        [
            {
                "grantee": account,
                "region": scope.region,
                "owner": scope.account,
                "policy": policy.id,
                "kind": resource.kind,
                "resource": resource.id,
            }
            for account in to
        ],
    )


def remove(tx: Transaction, scope: Scope, id_: str) -> None:
    """Forget a policy."""
    tx.execute(delete(policies).where(policies.c.id == id_))
    _close(tx, scope, [id_])


def remove_of(tx: Transaction, scope: Scope, arn: str) -> None:
    """Forget all the policies of a resource that is no more."""
    gone = [policy.id for policy in of(tx, arn)]
    if gone:
        tx.execute(delete(policies).where(policies.c.id.in_(gone)))
        _close(tx, scope, gone)


def opened_to(tx: Transaction, scope: Scope, kind: str) -> list[tuple[str, str]]:
    """The resources of others, as owner and id, that some policy opens to the account."""
    found = tx.all(
        select(grants.c.owner, grants.c.resource).where(
            grants.c.grantee == scope.account,
            grants.c.region == scope.region,
            grants.c.kind == kind,
            grants.c.owner != scope.account,
        )
    )
    return sorted({(row.owner, row.resource) for row in found})


def _close(tx: Transaction, scope: Scope, ids: Collection[str]) -> None:
    tx.execute(
        delete(grants).where(
            grants.c.region == scope.region,
            grants.c.owner == scope.account,
            grants.c.policy.in_(ids),
        )
    )
