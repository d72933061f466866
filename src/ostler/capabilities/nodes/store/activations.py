"""Activations as they are kept: the code only as a hash, the places counted in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select, update

from ostler.capabilities.nodes.model.activations import Activation, ActivationFilter
from ostler.capabilities.nodes.store.tables import activations
from ostler.foundation.ids import ActivationId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Transaction


@dataclass(frozen=True, slots=True)
class Permit:
    """An activation, whose it is, and the hash of its code."""

    activation: Activation
    scope: Scope
    code_hash: str


def add(tx: Transaction, activation: Activation, code_hash: str) -> None:
    """Keep a new activation."""
    tx.execute(
        insert(activations).values(
            id=activation.id,
            code_hash=code_hash,
            role=activation.role,
            created=activation.created,
            expires=activation.expires,
            places=activation.limit,
            registrations=activation.registrations,
            description=activation.description,
            default_name=activation.default_name,
            tags=dict(activation.tags),
            notes=dict(activation.metadata),
        )
    )


def permit(tx: Transaction, activation: ActivationId) -> Permit | None:
    """The activation wherever in the house it is: who registers has nothing but its id."""
    row = tx.one(select(activations).where(activations.c.id == activation))
    if row is None:
        return None
    return Permit(_activation(row), Scope(row.account, row.region), row.code_hash)


def find(tx: Transaction, activation: ActivationId) -> Activation | None:
    """The activation, if the scope has it."""
    row = tx.one(select(activations).where(activations.c.id == activation))
    return None if row is None else _activation(row)


def page(
    tx: Transaction, filters: Sequence[ActivationFilter], asked: PageRequest
) -> Page[Activation]:
    """Activations that pass every filter, in the order of their making."""
    made, named = activations.c.created, activations.c.id
    query = select(activations).order_by(made, named).limit(asked.limit + 1)
    for wanted in filters:
        query = query.where(_COLUMNS[wanted.key].in_(wanted.values))
    if asked.after is not None:
        created, last = datetime.fromisoformat(asked.after[0]), asked.after[1]
        query = query.where(or_(made > created, and_(made == created, named > last)))
    found = [_activation(row) for row in tx.all(query)]
    return Page.cut(found, asked.limit, lambda item: (item.created.isoformat(), item.id))


def take_place(tx: Transaction, activation: ActivationId, at: datetime) -> bool:
    """Count one more registration, if there is a place and time for it; the database decides."""
    taken = tx.execute(
        update(activations)
        .where(
            activations.c.id == activation,
            activations.c.registrations < activations.c.places,
            activations.c.expires > at,
        )
        .values(registrations=activations.c.registrations + 1)
    )
    return taken.rowcount == 1


def remove(tx: Transaction, activation: ActivationId) -> bool:
    """Forget the activation; whether there was one."""
    return tx.execute(delete(activations).where(activations.c.id == activation)).rowcount == 1


_COLUMNS = {
    "ActivationIds": activations.c.id,
    "DefaultInstanceName": activations.c.default_name,
    "IamRole": activations.c.role,
}


def _activation(row: Any) -> Activation:
    return Activation(
        id=row.id,
        role=row.role,
        created=row.created,
        expires=row.expires,
        limit=row.places,
        registrations=row.registrations,
        description=row.description,
        default_name=row.default_name,
        tags=row.tags,
        metadata=row.notes,
    )
