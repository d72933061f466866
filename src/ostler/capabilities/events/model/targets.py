"""Targets: whom a rule tells, and what of the event it tells them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from ostler.capabilities.events.model.names import DESTINATION, arn_of
from ostler.capabilities.events.model.rules import Rule
from ostler.foundation.errors import NotYetImplemented, ValidationException
from ostler.foundation.storage import Scope
from ostler.grammar.eventinputs import InputFault, Template, read_path, read_template

SERVICE = "events.amazonaws.com"
"""Whom roles of targets have to trust."""

MOST_ATTEMPTS = 185
MOST_AGE = 86_400

_RULE_ARN = "aws.events.rule-arn"
_RULE_NAME = "aws.events.rule-name"
_INGESTED = "aws.events.event.ingestion-time"
_EVENT = "aws.events.event"
_WHOLE_EVENT = "aws.events.event.json"
_KNOWN = (_RULE_ARN, _RULE_NAME, _INGESTED, _EVENT, _WHOLE_EVENT)


class Kind(StrEnum):
    """What a target is."""

    COMMAND = "command"
    TOPIC = "topic"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Transformer:
    """A template, and where in the event its names lead."""

    template: str
    paths: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extras:
    """What is added to a call over HTTP: values of `*` in the path, headers, the query."""

    path_values: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retry:
    """How long it is tried: so many times again, and so many seconds."""

    attempts: int = MOST_ATTEMPTS
    age: int = MOST_AGE


@dataclass(frozen=True, slots=True)
class Target:
    """One of those whom a rule tells; of `input`, `path` and `transformer` there is one at most."""

    id: str
    arn: str
    role: str = ""
    input: str | None = None
    path: str | None = None
    transformer: Transformer | None = None
    nodes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    extras: Extras | None = None
    retry: Retry | None = None
    dead_letters: str = ""

    @property
    def kind(self) -> Kind:
        """What it is; ValidationException or NotYetImplemented where it can be none."""
        return _kind(self.arn)

    def told(self, rule: Rule, arn: str, event: Mapping[str, Any], ingested: datetime) -> str:
        """What the target is given of an event, as text: JSON, unless a template says otherwise."""
        if self.input is not None:
            return self.input
        if self.path is not None:
            return msgspec.json.encode(read_path(self.path).find(event)).decode()
        if self.transformer is not None:
            without_detail = {name: event[name] for name in event if name != "detail"}
            known = {
                _RULE_ARN: arn,
                _RULE_NAME: rule.name,
                _INGESTED: ingested.isoformat(timespec="seconds").replace("+00:00", "Z"),
                _EVENT: without_detail,
                _WHOLE_EVENT: event,
            }
            return _template(self.transformer).fill(event, known)
        return msgspec.json.encode(event).decode()


def check_target(target: Target, scope: Scope) -> None:
    """Refuse a target that could not be told anything."""
    ways = (target.input, target.path, target.transformer)
    if sum(way is not None for way in ways) > 1:
        raise ValidationException(
            "Only one of Input, InputPath, or InputTransformer must be provided for target "
            f"{target.id}."
        )
    _check_input(target)
    _check_place(target, scope)
    if target.kind in (Kind.COMMAND, Kind.WEBHOOK) and not target.role:
        raise ValidationException(f"RoleArn is required for target {target.id}.")
    if target.kind is Kind.COMMAND and not target.nodes:
        raise ValidationException(f"RunCommandParameters is required for target {target.id}.")


def _check_input(target: Target) -> None:
    try:
        if target.input is not None:
            msgspec.json.decode(target.input)
        if target.path is not None:
            read_path(target.path)
        if target.transformer is not None:
            _template(target.transformer)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as fault:
        raise ValidationException(
            f"JSON text for field Input for target {target.id} is invalid."
        ) from fault
    except InputFault as fault:
        raise ValidationException(f"Invalid input for target {target.id}: {fault}.") from fault


def _check_place(target: Target, scope: Scope) -> None:
    match target.kind:
        case Kind.COMMAND:
            places = [
                f"arn:aws:ssm:{scope.region}:{scope.account}:",
                f"arn:aws:ssm:{scope.region}::",
            ]
        case Kind.TOPIC:
            places = [f"arn:aws:sns:{scope.region}:{scope.account}:"]
        case Kind.WEBHOOK:
            places = [arn_of(scope, DESTINATION, "")]
    if not target.arn.startswith(tuple(places)):
        raise ValidationException(
            f"The target {target.id} is not of this account and region: {target.arn}."
        )


def _kind(arn: str) -> Kind:
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        raise ValidationException(
            f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        )
    match parts[2], parts[5].partition("/")[0]:
        case "ssm", "document":
            return Kind.COMMAND
        case "sns", _:
            return Kind.TOPIC
        case "events", "api-destination":
            return Kind.WEBHOOK
    raise NotYetImplemented(
        f"{arn} cannot be a target here: targets are documents of Run Command, SNS topics and "
        "API destinations."
    )


def _template(transformer: Transformer) -> Template:
    return read_template(transformer.paths, transformer.template, _KNOWN)
