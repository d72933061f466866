"""Envelopes: the shape that EventBridge gives to everything that happens."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ostler.capabilities.events.errors import InvalidEventPatternException
from ostler.capabilities.events.model.names import DEFAULT_BUS
from ostler.foundation.errors import ValidationException
from ostler.foundation.events import Told
from ostler.foundation.storage import Scope

SCHEDULED = "Scheduled Event"
SOURCE = "aws.events"

RESERVED_SOURCES = ("aws.", "ostler.")
"""What only the house itself can tell."""

LARGEST_ENTRY = 262_144
DEEPEST_DETAIL = 100

_IDS = uuid.UUID("7d3c8b0a-6e0f-5b61-9c0b-6f2f7d1f0a44")
_NEEDED = ("id", "account", "source", "time", "region", "resources", "detail-type")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Something that happened, on a bus."""

    bus: str
    id: str
    source: str
    detail_type: str
    scope: Scope
    time: datetime
    detail: Mapping[str, Any]
    resources: Sequence[str] = ()

    @property
    def written(self) -> dict[str, Any]:
        """The event as targets and patterns see it."""
        return {
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.scope.account,
            "time": self.time.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "region": self.scope.region,
            "resources": list(self.resources),
            "detail": self.detail,
        }


def envelope_of(told: Told) -> Envelope | None:
    """What was told, if it has EventBridge's shape; the same every time it is asked."""
    body = told.body
    if "detail_type" not in body:
        return None
    scope = told.scope
    own = f"{scope.account} {scope.region} {told.sequence} {told.at.isoformat()}"
    return Envelope(
        bus=body.get("bus", DEFAULT_BUS),
        id=body.get("id") or str(uuid.uuid5(_IDS, own)),
        source=body["source"],
        detail_type=body["detail_type"],
        scope=scope,
        time=datetime.fromisoformat(body["time"]) if "time" in body else told.at,
        detail=body["detail"],
        resources=body["resources"],
    )


def scheduled(scope: Scope, rule: str, at: datetime) -> Envelope:
    """What a rule's schedule makes happen; `rule` is the rule's ARN."""
    own = f"{rule} {at.isoformat()}"
    event_id = str(uuid.uuid5(_IDS, own))
    return Envelope(DEFAULT_BUS, event_id, SOURCE, SCHEDULED, scope, at, {}, (rule,))


class EntryFault(Exception):
    """An entry of PutEvents that is not taken: AWS's code, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as a customer gives it."""

    bus: str
    source: str = ""
    detail_type: str = ""
    detail: str = ""
    resources: tuple[str, ...] = ()
    time: datetime | None = None


def check_size(entries: Sequence[Entry]) -> None:
    """Refuse more than EventBridge takes at once."""
    sizes = [
        len(part.encode(errors="replace"))
        for entry in entries
        for part in (entry.source, entry.detail_type, entry.detail, *entry.resources)
    ]
    if sum(sizes) + 14 * len(entries) > LARGEST_ENTRY:
        raise ValidationException("Total size of the entries in the request is over the limit.")


def detail_of(entry: Entry) -> dict[str, Any]:
    """What the entry says in detail; EntryFault where it is no event that a customer may tell."""
    named = {"Source": entry.source, "DetailType": entry.detail_type, "Detail": entry.detail}
    for name, text in named.items():
        if not text:
            raise EntryFault(
                "InvalidArgument",
                f"Parameter {name} is not valid. Reason: {name} is a required argument.",
            )
    if entry.source.lower().startswith(RESERVED_SOURCES):
        raise EntryFault("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = msgspec.json.decode(entry.detail)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        detail = None
    if not isinstance(detail, dict) or _deeper(detail, DEEPEST_DETAIL):
        raise EntryFault("MalformedDetail", "Detail is malformed.")
    return detail


def trial_event(text: str) -> dict[str, Any]:
    """The event that a pattern shall be tried on; ValidationException where it lacks a part."""
    try:
        event = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as fault:
        raise InvalidEventPatternException(f"Parameter Event is not valid: {fault}") from fault
    missing = [name for name in _NEEDED if not isinstance(event, dict) or name not in event]
    if missing:
        raise InvalidEventPatternException(
            f"Parameter Event is not valid. Reason: it lacks {', '.join(missing)}."
        )
    assert isinstance(event, dict)
    return event


def _deeper(node: Any, most: int) -> bool:
    level = [node]
    for _ in range(most):
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [each for some in inner for each in some if isinstance(each, dict | list)]
        if not level:
            return False
    return True
