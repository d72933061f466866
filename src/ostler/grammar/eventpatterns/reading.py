"""Reading patterns: from JSON to groups of fields, each with what its values may be."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, Union

import msgspec

from ostler.grammar.eventpatterns.faults import PatternFault
from ostler.grammar.eventpatterns.wildcards import wildcard_of

Test = Callable[[Any], bool]
"""Whether one value, no object and no list, is what is wanted."""

OR = "$or"
DEEPEST = 50
LARGEST_NUMBER = 5e9

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the values of a field may be: any of these, or what passes one of the tests.

    `present` takes whatever there is, `absent` that there is nothing.
    """

    exact: frozenset[tuple[str, Any]] = frozenset()
    tests: tuple[Test, ...] = ()
    present: bool = False
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that must all fit, and sets of groups of each of which one must."""

    fields: Mapping[str, Union[Leaf, "Group"]] = field(default_factory=dict)
    alternatives: Sequence[Sequence["Group"]] = ()


def decoded(text: str) -> Any:
    """What the JSON says; PatternFault where it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as fault:
        raise PatternFault(f"It is not JSON: {fault}") from fault


def kind_of(value: Any) -> tuple[str, Any]:
    """A value as it is compared: true is not 1, and 1 is 1.0."""
    match value:
        case None:
            return "null", None
        case bool():
            return "boolean", value
        case int() | float():
            return "number", value
        case _:
            return "string", value


def group_of(written: Any, depth: int = 1) -> Group:
    """The group that an object of a pattern describes."""
    if not isinstance(written, dict):
        raise PatternFault("Filter is not an object")
    if not written:
        raise PatternFault("Empty objects are not allowed")
    if depth > DEEPEST:
        raise PatternFault(f"It has more than {DEEPEST} levels")
    fields: dict[str, Leaf | Group] = {}
    alternatives: list[Sequence[Group]] = []
    for name, content in written.items():
        match content:
            case list() if name == OR:
                alternatives.append(_alternatives(content, depth))
            case list():
                fields[name] = _leaf(content)
            case dict():
                fields[name] = group_of(content, depth + 1)
            case _:
                raise PatternFault(f'"{name}" must be an object or an array')
    return Group(fields, alternatives)


def _alternatives(written: list[Any], depth: int) -> Sequence[Group]:
    if len(written) < 2:
        raise PatternFault("There must have at least 2 Objects for $or relationship.")
    return tuple(group_of(each, depth + 1) for each in written)


def _leaf(written: list[Any]) -> Leaf:
    if not written:
        raise PatternFault("Empty arrays are not allowed")
    exact: set[tuple[str, Any]] = set()
    tests: list[Test] = []
    present = absent = False
    for each in written:
        match each:
            case {"exists": wanted} if len(each) == 1:
                if not isinstance(wanted, bool):
                    raise PatternFault("exists match pattern must be either true or false.")
                present, absent = present or wanted, absent or not wanted
            case dict():
                tests.append(_test(each))
            case list():
                raise PatternFault("Match value must be String, number, true, false, or null")
            case _:
                exact.add(kind_of(each))
    return Leaf(frozenset(exact), tuple(tests), present, absent)


def _test(written: dict[str, Any]) -> Test:
    if len(written) != 1:
        raise PatternFault("Only one key allowed in match expression")
    [(name, wanted)] = written.items()
    if name == "anything-but":
        return _anything_but(wanted)
    if name == "numeric":
        return _numeric(wanted)
    if name == "cidr":
        return _cidr(wanted)
    if name not in _OF_TEXT:
        raise PatternFault(f"Unrecognized match type {name}")
    return _text_test(name, wanted)


def _text_test(name: str, wanted: Any) -> Test:
    match wanted:
        case {"equals-ignore-case": text} if name in _IGNORING_CASE and len(wanted) == 1:
            return _IGNORING_CASE[name](_text(text, name))
        case _:
            return _OF_TEXT[name](_text(wanted, name))


def _text(wanted: Any, name: str) -> str:
    if not isinstance(wanted, str):
        raise PatternFault(f"{name} match pattern must be a string")
    return wanted


# What compares texts


def _prefix(text: str) -> Test:
    return lambda value: isinstance(value, str) and value.startswith(text)


def _suffix(text: str) -> Test:
    return lambda value: isinstance(value, str) and value.endswith(text)


def _same_but_for_case(text: str) -> Test:
    lowered, size = text.lower(), len(text)
    return lambda value: isinstance(value, str) and len(value) == size and value.lower() == lowered


def _prefix_but_for_case(text: str) -> Test:
    lowered, size = text.lower(), len(text)
    return lambda value: isinstance(value, str) and value[:size].lower() == lowered


def _suffix_but_for_case(text: str) -> Test:
    lowered, size = text.lower(), len(text)
    return lambda value: (
        isinstance(value, str) and value[max(0, len(value) - size) :].lower() == lowered
    )


def _wildcard(text: str) -> Test:
    wildcard = wildcard_of(text)
    return lambda value: isinstance(value, str) and wildcard.matches(value)


_OF_TEXT: Mapping[str, Callable[[str], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _same_but_for_case,
    "wildcard": _wildcard,
}
_IGNORING_CASE: Mapping[str, Callable[[str], Test]] = {
    "prefix": _prefix_but_for_case,
    "suffix": _suffix_but_for_case,
}


# anything-but


def _anything_but(wanted: Any) -> Test:
    match wanted:
        case dict() if len(wanted) == 1:
            [(name, texts)] = wanted.items()
            if name not in _OF_TEXT:
                raise PatternFault(f"Unsupported anything-but pattern: {name}")
            several = texts if isinstance(texts, list) else [texts]
            if not several:
                raise PatternFault("Empty arrays are not allowed")
            return _none_of([_denied(name, text) for text in several])
        case dict():
            raise PatternFault("Only one key allowed in match expression")
        case [] | None | bool():
            raise PatternFault(
                "Value of anything-but must be an array or single string/number value."
            )
        case list():
            return _not_in(wanted)
        case _:
            return _not_in([wanted])


def _denied(name: str, text: Any) -> Test:
    if text == "":
        raise PatternFault(f"Null {name} not allowed")
    return _text_test(name, text)


def _none_of(tests: Sequence[Test]) -> Test:
    return lambda value: not any(test(value) for test in tests)


def _not_in(values: Sequence[Any]) -> Test:
    if any(isinstance(value, dict | list | bool | None) for value in values):
        raise PatternFault("Inside anything but list, start|null|boolean is not supported.")
    kinds = {kind_of(value) for value in values}
    if len({name for name, _ in kinds}) > 1:
        raise PatternFault(
            "Inside anything but list, either all values are number or string, "
            "mixed type is not supported"
        )
    return lambda value: kind_of(value) not in kinds


# Numbers and addresses

_BELOW = ("<", "<=")
_ABOVE = (">", ">=")


def _numeric(wanted: Any) -> Test:
    if not isinstance(wanted, list) or not wanted:
        raise PatternFault("Value of numeric must be an array.")
    match wanted:
        case ["=", number]:
            same = _number(number)
            return lambda value: _is_number(value) and value == same
        case [("<" | "<=" | ">" | ">=") as operator, number]:
            return partial(_compare, [(operator, _number(number))])
        case [(">" | ">=") as lower, low, ("<" | "<=") as upper, high]:
            if _number(low) >= _number(high):
                raise PatternFault("Bottom must be less than top")
            return partial(_compare, [(lower, low), (upper, high)])
    if wanted[0] not in (*_BELOW, *_ABOVE, "="):
        raise PatternFault(f"Unrecognized numeric range operator: {wanted[0]}")
    raise PatternFault("Bad numeric range: it has one or two operators, each with a number")


def _compare(limits: Sequence[tuple[str, float]], value: Any) -> bool:
    return _is_number(value) and all(_COMPARED[operator](value, at) for operator, at in limits)


_COMPARED: Mapping[str, Callable[[Any, float], bool]] = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(wanted: Any) -> float:
    if not _is_number(wanted):
        raise PatternFault("Value of a numeric operator must be numeric.")
    if not -LARGEST_NUMBER <= wanted <= LARGEST_NUMBER:
        raise PatternFault("Value must be between -5.0E9 and 5.0E9, inclusive")
    return float(wanted)


def _cidr(wanted: Any) -> Test:
    text = _text(wanted, "cidr")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as fault:
        raise PatternFault(f"Malformed CIDR, {text}: {fault}") from fault

    def within(value: Any) -> bool:
        if not isinstance(value, str) or len(value) > 50:
            return False
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return within
