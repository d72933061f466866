"""Stored values: what an order takes from Parameter Store, fetched for whoever sends it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ostler.capabilities.commands.errors import InvalidParameters
from ostler.capabilities.commands.model import Order
from ostler.capabilities.commands.service.neighbours import DocumentVersion, StoredValues
from ostler.foundation.call import Call
from ostler.grammar.documents import (
    Document,
    ParameterFault,
    bind,
    stored_references,
    with_stored,
)

SECURE = "SecureString"


async def fetch(
    stored: StoredValues, call: Call, order: Order, version: DocumentVersion
) -> Mapping[str, str]:
    """The values behind every `{{ssm:name}}` of the order and its document, by name.

    The caller needs ssm:GetParameters for them. Secrets are refused: they would lie open in the
    command and on its way; nodes fetch those themselves, where a step asks for `{{ssm-secure:…}}`.
    """
    names = _names(order, version.document)
    if not names:
        return {}
    found = await stored.values(call, names)
    if missing := [name for name in names if name not in found]:
        raise InvalidParameters(f"Parameters [{' '.join(missing)}] do not exist.")
    if secret := [name for name in names if found[name].kind == SECURE]:
        # AWS's words, of its agent.
        raise InvalidParameters(
            f"Parameters [{' '.join(secret)}] of type {SECURE} are not supported"
        )
    return {name: value.value for name, value in found.items()}


def filled(order: Order, values: Mapping[str, str]) -> Order:
    """The order with the values in their places; it is planned, and never shown."""
    return replace(order, parameters=with_stored(order.parameters, values)) if values else order


def _names(order: Order, document: Document) -> Sequence[str]:
    try:
        bound = bind(document, order.parameters)
    except ParameterFault as fault:
        raise InvalidParameters(fault.message) from fault
    inputs: list[Any] = [step.inputs for step in document.steps]
    found = [*bound.stored, *stored_references(inputs)]
    return list(dict.fromkeys(each.name for each in found if not each.secure))
