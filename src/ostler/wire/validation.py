"""Constraints of the models: what is required, how long, which words, in AWS's own sentences.

Every shape is compiled once into a function that answers None for a good value, so that good
values, which are nearly all, cost little.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from botocore.model import ListShape, MapShape, Shape, StructureShape

from ostler.wire.errors import ValidationException
from ostler.wire.patterns import whole_match

_NOT_NULL = "Member must not be null"
_HIDDEN = "*** Sensitive Data Redacted ***"
# No pattern is tried on texts longer than this (and than their shape allows): they are refused for
# their length anyway, and time spent on a pattern may grow faster than the text.
_LONGEST_TRIED = 4096
# Whoever sends a million empty items is told of some: a refusal must not cost more than a request.
_MOST_FAULTS = 100
_MOST_SHOWN = 1000


class Fault(NamedTuple):
    """One constraint that one value breaks; `shown` is the value as the message tells it."""

    path: str
    shown: str
    constraint: str

    def at(self, step: str) -> "Fault":
        """The same fault, seen from the value that holds this one."""
        return self._replace(path=f"{step}.{self.path}" if self.path else step)

    def told(self) -> str:
        return f"Value{self.shown} at '{self.path}' failed to satisfy constraint: {self.constraint}"


Checker = Callable[[Any], Sequence[Fault] | None]
Constraint = tuple[str, Callable[[Any], bool]]


def check(shape: Shape | None, value: Any) -> None:
    """Raise ValidationException, naming every fault, unless `value` keeps the shape's rules."""
    checker = _root(shape) if shape is not None else None
    if checker is None:
        return
    try:
        faults = checker(value)
    except RecursionError:
        raise ValidationException("The input is nested too deeply.") from None
    if faults:
        raise ValidationException(told(faults))


def told(faults: Sequence[Fault]) -> str:
    """All faults in one sentence."""
    noun = "error" if len(faults) == 1 else "errors"
    texts = "; ".join(fault.told() for fault in faults)
    return f"{len(faults)} validation {noun} detected: {texts}"


@functools.cache
def _root(shape: Shape) -> Checker | None:
    return _Checkers().of(shape, hidden=False)


class _Checkers:
    """Compiles the checkers of one shape and of all that it holds; recursive shapes meet again."""

    def __init__(self) -> None:
        self._structures: dict[tuple[str, bool], Checker | None] = {}

    def of(self, shape: Shape, *, hidden: bool) -> Checker | None:
        """The checker of a shape, None where there is nothing to check; `hidden` values are those
        inside of something sensitive."""
        hidden = hidden or bool(shape.metadata.get("sensitive"))
        if isinstance(shape, StructureShape):
            key = (shape.name, hidden)
            if key not in self._structures:
                self._structures[key] = self._structure(shape, hidden)
            return self._structures[key]
        if isinstance(shape, ListShape):
            return self._list(shape, hidden)
        if isinstance(shape, MapShape):
            return self._map(shape, hidden)
        return _scalar(shape, hidden)

    def _structure(self, shape: StructureShape, hidden: bool) -> Checker | None:
        required = tuple(shape.required_members)
        order = {name: number for number, name in enumerate(shape.members)}
        checkers: dict[str, Checker] = {}

        def check_structure(value: Mapping[str, Any]) -> Sequence[Fault] | None:
            found: dict[str, Sequence[Fault]] | None = None
            for name in required:
                if name not in value:
                    found = found or {}
                    found[name] = (Fault("", " null", _NOT_NULL),)
            for name, member in value.items():
                checker = checkers.get(name)
                if checker is not None and (faults := checker(member)):
                    found = found or {}
                    found[name] = faults
            if found is None:
                return None
            return [
                fault.at(_lower_camel(name))
                for name in sorted(found, key=order.__getitem__)
                for fault in found[name]
            ]

        # Known before its members are compiled, for one of them may hold the structure itself.
        self._structures[shape.name, hidden] = check_structure
        for name, member in shape.members.items():
            checker = self.of(member, hidden=hidden)
            if checker is not None:
                checkers[name] = checker
        return check_structure if required or checkers else None

    def _list(self, shape: ListShape, hidden: bool) -> Checker:
        own = _length_constraints(shape)
        item_hidden = hidden or bool(shape.member.metadata.get("sensitive"))
        if _is_scalar(shape.member):
            rules = _constraints(shape.member)
            return _scalar_items(shape, own, rules, hidden=item_hidden)
        check_item = self.of(shape.member, hidden=hidden)

        def check_list(value: list[Any]) -> Sequence[Fault] | None:
            faults = _broken(own, value, shape, hidden)
            for number, item in enumerate(value, start=1):
                found = _item_faults(check_item, item)
                if found:
                    faults.extend(fault.at(f"{number}.member") for fault in found)
                    if len(faults) >= _MOST_FAULTS:
                        break
            return faults or None

        return check_list

    def _map(self, shape: MapShape, hidden: bool) -> Checker:
        own = _length_constraints(shape)
        key_rules = _constraints(shape.key)
        value_rules = _constraints(shape.value) if _is_scalar(shape.value) else None
        check_item = None if value_rules is not None else self.of(shape.value, hidden=hidden)
        value_hidden = hidden or bool(shape.value.metadata.get("sensitive"))

        def check_map(value: dict[str, Any]) -> Sequence[Fault] | None:
            faults = _broken(own, value, shape, hidden)
            if not all(_keeps(key_rules, key) for key in value):
                text = f"Map keys must satisfy constraint: [{_joined(key_rules)}]"
                faults.append(Fault("", _shown(value, shape, value_hidden), text))
            if value_rules is None:
                for key, item in value.items():
                    found = _item_faults(check_item, item)
                    if found:
                        faults.extend(fault.at(f"{key}.member") for fault in found)
                        if len(faults) >= _MOST_FAULTS:
                            break
            elif not all(item is not None and _keeps(value_rules, item) for item in value.values()):
                missing = None in value.values()
                text = f"Map value must satisfy constraint: [{_joined(value_rules, missing)}]"
                faults.append(Fault("", _shown(value, shape, value_hidden), text))
            return faults or None

        return check_map


def _scalar(shape: Shape, hidden: bool) -> Checker | None:
    rules = _constraints(shape)
    if not rules:
        return None

    def check_scalar(value: Any) -> Sequence[Fault] | None:
        if _keeps(rules, value):
            return None
        return _broken(rules, value, shape, hidden)

    return check_scalar


def _scalar_items(
    shape: ListShape, own: Sequence[Constraint], rules: Sequence[Constraint], *, hidden: bool
) -> Checker:
    """AWS tells of plain items in one sentence about their list, with all rules for its items."""

    def check_items(value: list[Any]) -> Sequence[Fault] | None:
        faults = _broken(own, value, shape, hidden)
        missing = None in value
        if missing or (rules and not all(_keeps(rules, item) for item in value)):
            text = f"Member must satisfy constraint: [{_joined(rules, missing)}]"
            faults.append(Fault("", _shown(value, shape, hidden), text))
        return faults or None

    return check_items


def _item_faults(checker: Checker | None, item: Any) -> Sequence[Fault] | None:
    if item is None:
        return [Fault("", " null", _NOT_NULL)]
    return checker(item) if checker is not None else None


# Single constraints.


def _keeps(rules: Sequence[Constraint], value: Any) -> bool:
    for _, holds in rules:  # noqa: SIM110 - a generator would double the price
        if not holds(value):
            return False
    return True


def _broken(rules: Sequence[Constraint], value: Any, shape: Shape, hidden: bool) -> list[Fault]:
    return [
        Fault("", _shown(value, shape, hidden), text) for text, holds in rules if not holds(value)
    ]


def _joined(rules: Sequence[Constraint], missing: bool = False) -> str:
    return ", ".join([*(text for text, _ in rules), *[_NOT_NULL] * missing])


def _is_scalar(shape: Shape) -> bool:
    return shape.type_name not in ("structure", "list", "map")


def _constraints(shape: Shape) -> list[Constraint]:
    """The constraints of a plain value, in the order in which AWS lists them."""
    match shape.type_name:
        case "string" | "character":
            return [*_length_constraints(shape), *_text_constraints(shape)]
        case "blob":
            return _length_constraints(shape)
        case "integer" | "long" | "float" | "double":
            return _number_constraints(shape)
    return []


def _length_constraints(shape: Shape) -> list[Constraint]:
    rules: list[Constraint] = []
    most, least = shape.metadata.get("max"), shape.metadata.get("min")
    if most is not None:
        text = f"Member must have length less than or equal to {most}"
        rules.append((text, lambda value: len(value) <= most))
    if least:
        text = f"Member must have length greater than or equal to {least}"
        rules.append((text, lambda value: len(value) >= least))
    return rules


def _number_constraints(shape: Shape) -> list[Constraint]:
    rules: list[Constraint] = []
    most, least = shape.metadata.get("max"), shape.metadata.get("min")
    if most is not None:
        text = f"Member must have value less than or equal to {_plain(most)}"
        rules.append((text, lambda value: value <= most))
    if least is not None:
        text = f"Member must have value greater than or equal to {_plain(least)}"
        rules.append((text, lambda value: value >= least))
    return rules


def _plain(limit: float) -> float:
    """100 for 100.0, as AWS writes its limits."""
    return int(limit) if float(limit).is_integer() else limit


def _text_constraints(shape: Shape) -> Iterator[Constraint]:
    pattern = shape.metadata.get("pattern")
    if pattern:
        matches = whole_match(pattern)
        longest = max(shape.metadata.get("max", 0), _LONGEST_TRIED)
        bounded = shape.metadata.get("max") is not None
        text = f"Member must satisfy regular expression pattern: {pattern}"
        if bounded:
            yield text, lambda value: len(value) > longest or matches(value)
        else:
            yield text, matches
    words = shape.metadata.get("enum")
    if words:
        yield (
            f"Member must satisfy enum value set: [{', '.join(words)}]",
            frozenset(words).__contains__,
        )


# How values are told.


def _lower_camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _shown(value: Any, shape: Shape, hidden: bool) -> str:
    """The value with a blank before it, as the message tells it; nothing of a sensitive one."""
    return "" if hidden else f" '{_spelt(value, shape)}'"


def _spelt(value: Any, shape: Shape) -> str:
    if value is None:
        return "null"
    if shape.metadata.get("sensitive"):
        return _HIDDEN
    if isinstance(shape, ListShape):
        return f"[{', '.join(_spelt(item, shape.member) for item in value[:_MOST_SHOWN])}]"
    if isinstance(shape, MapShape):
        shown = islice(value.items(), _MOST_SHOWN)
        items = (f"{key}={_spelt(item, shape.value)}" for key, item in shown)
        return f"{{{', '.join(items)}}}"
    if isinstance(shape, StructureShape):
        members = shape.members
        items = (f"{name}={_spelt(item, members[name])}" for name, item in value.items())
        return f"{shape.name}({', '.join(items)})"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)
