"""Values made from shapes: for every operation some inputs and outputs that a model allows."""

import random
import string
from datetime import UTC, datetime, timedelta

from ostler.wire import models

DEEPEST = 4
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_LETTERS = string.ascii_letters + string.digits + ' -_.~/:+=&?%#äß€😀"\\\n'
_PLAIN = string.ascii_letters + string.digits + "-_.~/:+=&?%"


def operations():
    """Every operation of every service."""
    for service in models.SERVICES:
        for name in models.model(service).operation_names:
            yield service, models.operation(service, name)


def value(shape, chance: random.Random, *, milliseconds: bool, depth: int = 0):
    """A value of the shape; times are whole seconds unless `milliseconds`."""
    match shape.type_name:
        case "structure":
            return _structure(shape, chance, milliseconds, depth)
        case "list":
            size = 0 if depth > DEEPEST else chance.randint(1, 2)
            return [
                value(shape.member, chance, milliseconds=milliseconds, depth=depth + 1)
                for _ in range(size)
            ]
        case "map":
            size = 0 if depth > DEEPEST else chance.randint(1, 2)
            if shape.serialization.get("location") == "headers":
                return {
                    _text(chance, string.ascii_lowercase): _text(chance, _PLAIN)
                    for _ in range(size)
                }
            return {
                _text(chance, _LETTERS): value(
                    shape.value, chance, milliseconds=milliseconds, depth=depth + 1
                )
                for _ in range(size)
            }
    return _scalar(shape, chance, milliseconds)


def _structure(shape, chance, milliseconds, depth):
    names = list(shape.members)
    if shape.is_tagged_union:
        names = [chance.choice(names)]
    chosen = [
        name
        for name in names
        if shape.is_tagged_union or name in shape.required_members or _is_wanted(chance, depth)
    ]
    return {
        name: value(shape.members[name], chance, milliseconds=milliseconds, depth=depth + 1)
        for name in chosen
    }


def _is_wanted(chance, depth):
    return depth <= DEEPEST and chance.random() < (0.9, 0.9, 0.6, 0.4, 0.3)[depth]


def _scalar(shape, chance, milliseconds):
    location = shape.serialization.get("location")
    match shape.type_name:
        case "boolean":
            return chance.random() < 0.5
        case "integer" | "long":
            return chance.randint(-(2**31), 2**31 - 1)
        case "float" | "double":
            return chance.randint(-1000, 1000) / 8
        case "blob":
            return chance.randbytes(chance.randint(1, 20))
        case "timestamp":
            step = timedelta(milliseconds=1) if milliseconds else timedelta(seconds=1)
            return _EPOCH + step * chance.randint(0, 10**8)
    return _text(chance, _PLAIN if location in ("header", "uri") else _LETTERS)


def _text(chance, letters):
    return "".join(chance.choices(letters, k=chance.randint(1, 12)))
