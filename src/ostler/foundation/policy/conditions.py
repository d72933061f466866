"""Conditions: the operators of a statement's `Condition`, compiled once into tests."""

import base64
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from ostler.foundation.policy.faults import PolicyFault
from ostler.foundation.policy.patterns import (
    Context,
    Parts,
    Test,
    arn_filled,
    arn_test,
    filled,
    parts_of,
    text_test,
    variables_of,
    without_wildcards,
)

V = TypeVar("V")

Match = Callable[[str, Context], bool]
"""Whether a value of the request is as one value of the policy says."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of one operator; `mentions` are the keys that must be known to test it."""

    key: str
    mentions: Sequence[str]
    holds: Callable[[Context], bool]


def conditions_of(block: object, *, variables: bool) -> Sequence[Condition]:
    """Every condition of a `Condition` element; all must hold."""
    return [
        _condition(str(name), str(key), values, variables)
        for name, keys in _object(block, "Condition").items()
        for key, values in _object(keys, f"Condition {name}").items()
    ]


def _condition(name: str, key: str, given: object, variables: bool) -> Condition:
    found = _OPERATOR.fullmatch(name)
    if found is None:
        raise PolicyFault(f"There is no condition operator {name}.")
    quantifier, family, lenient = found.group(1), found.group(2), found.group(3) is not None
    if ":" not in key:
        raise PolicyFault(f"The condition key {key} must be prefaced by a vendor, such as aws:.")
    values = _values(given, f"{name} {key}")
    key = key.lower()
    if family == "Null":
        if quantifier or lenient:
            raise PolicyFault(f"There is no condition operator {name}.")
        return Condition(key, [key], _null(key, values))
    compiler, negated = _FAMILIES[family]
    matches, mentions = [], [key]
    for value in values:
        match, variables_in = compiler(value, variables)
        matches.append(match)
        mentions += variables_in
    return Condition(key, mentions, _quantified(key, matches, quantifier, negated, lenient))


def _quantified(
    key: str, matches: Sequence[Match], quantifier: str | None, negated: bool, lenient: bool
) -> Callable[[Context], bool]:
    """How the values of the request and those of the policy are set against each other.

    A key that the request lacks makes a condition false; but true with …IfExists, with
    ForAllValues, and where a plain operator says what must not be.
    """
    absent = lenient or quantifier == "ForAllValues" or (negated and quantifier is None)

    def like_any(value: str, context: Context) -> bool:
        return any(match(value, context) for match in matches)

    def holds(context: Context) -> bool:
        values = context.get(key)
        if not values:
            return absent
        if quantifier == "ForAllValues":
            return all(like_any(value, context) != negated for value in values)
        if quantifier == "ForAnyValue":
            return any(like_any(value, context) != negated for value in values)
        return any(like_any(value, context) for value in values) != negated

    return holds


def _null(key: str, values: Sequence[str]) -> Callable[[Context], bool]:
    wanted = {_boolean(value) for value in values}
    return lambda context: (not context.get(key)) in wanted


Compiled = tuple[Match, Sequence[str]]


def _string(value: str, variables: bool) -> Compiled:
    return _templated(without_wildcards(parts_of(value, variables=variables)), text_test)


def _string_ignoring_case(value: str, variables: bool) -> Compiled:
    parts = without_wildcards(parts_of(value, variables=variables))
    return _templated(parts, lambda full: partial(_same_but_case, "".join(map(str, full))))


def _like(value: str, variables: bool) -> Compiled:
    return _templated(parts_of(value, variables=variables), text_test)


def _arn(value: str, variables: bool) -> Compiled:
    return _templated(parts_of(value, variables=variables), arn_test, arn_filled)


def _templated(
    parts: Parts,
    test_of: Callable[[Parts], Test],
    fill: Callable[[Parts, Context], Parts | None] = filled,
) -> Compiled:
    """A match with a pattern that may have variables; one without a value matches nothing."""
    mentions = variables_of(parts)
    if not mentions:
        test = test_of(parts)
        return (lambda value, context: test(value)), ()

    def match(value: str, context: Context) -> bool:
        full = fill(parts, context)
        return full is not None and test_of(full)(value)

    return match, mentions


def _same_but_case(wanted: str, value: str) -> bool:
    return wanted.casefold() == value.casefold()


def _compared(
    read: Callable[[str], V], compare: Callable[[V, V], bool], value: str, variables: bool
) -> Compiled:
    """A match by order or equality of what `read` makes of the texts."""
    wanted = read(value)

    def match(given: str, context: Context) -> bool:
        try:
            return compare(read(given), wanted)
        except PolicyFault:
            return False

    return match, ()


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise PolicyFault(f"{text} is not a number.")
    return float(text)


def _date(text: str) -> datetime:
    try:
        if re.fullmatch(r"-?\d{5,12}(\.\d+)?", text):
            return datetime.fromtimestamp(float(text), UTC)
        date = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as fault:
        raise PolicyFault(f"{text} is not a date as ISO 8601 writes it.") from fault
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise PolicyFault(f"{text} is neither true nor false.")
    return text.lower() == "true"


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as fault:
        raise PolicyFault(f"{text} is not base64.") from fault


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as fault:
        raise PolicyFault(f"{text} is not an address or a range of addresses.") from fault


def _within(address: Network, network: Network) -> bool:
    match address, network:
        case (ipaddress.IPv4Network(), ipaddress.IPv4Network()) | (
            ipaddress.IPv6Network(),
            ipaddress.IPv6Network(),
        ):
            return address.subnet_of(network)  # type: ignore[arg-type]
    return False


def _values(given: object, where: str) -> Sequence[str]:
    """A policy's values: one or a list; JSON's numbers and booleans stand for their texts."""
    values = given if isinstance(given, list) else [given]
    texts = [str(v).lower() if isinstance(v, bool) else v for v in values]
    if not texts or not all(isinstance(text, str | int | float) for text in texts):
        raise PolicyFault(f"Condition {where} must have a value or a list of values.")
    return [str(text) for text in texts]


def _object(given: object, where: str) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping):
        raise PolicyFault(f"{where} must be an object.")
    return given


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

Compiler = Callable[[str, bool], Compiled]

_FAMILIES: Mapping[str, tuple[Compiler, bool]] = {
    "StringEquals": (_string, False),
    "StringNotEquals": (_string, True),
    "StringEqualsIgnoreCase": (_string_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_string_ignoring_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "NumericEquals": (partial(_compared, _number, operator.eq), False),
    "NumericNotEquals": (partial(_compared, _number, operator.eq), True),
    "NumericLessThan": (partial(_compared, _number, operator.lt), False),
    "NumericLessThanEquals": (partial(_compared, _number, operator.le), False),
    "NumericGreaterThan": (partial(_compared, _number, operator.gt), False),
    "NumericGreaterThanEquals": (partial(_compared, _number, operator.ge), False),
    "DateEquals": (partial(_compared, _date, operator.eq), False),
    "DateNotEquals": (partial(_compared, _date, operator.eq), True),
    "DateLessThan": (partial(_compared, _date, operator.lt), False),
    "DateLessThanEquals": (partial(_compared, _date, operator.le), False),
    "DateGreaterThan": (partial(_compared, _date, operator.gt), False),
    "DateGreaterThanEquals": (partial(_compared, _date, operator.ge), False),
    "Bool": (partial(_compared, _boolean, operator.eq), False),
    "BinaryEquals": (partial(_compared, _binary, operator.eq), False),
    "IpAddress": (partial(_compared, _network, _within), False),
    "NotIpAddress": (partial(_compared, _network, _within), True),
    "ArnEquals": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnLike": (_arn, False),
    "ArnNotLike": (_arn, True),
}

_OPERATOR = re.compile(rf"(?:(ForAllValues|ForAnyValue):)?({'|'.join(_FAMILIES)}|Null)(IfExists)?")
