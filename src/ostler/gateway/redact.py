"""What the audit log may keep of an input: not what the model calls sensitive, nor what is bulky.

Of a document, and of any long text, it keeps the length and a digest: enough to tell whether it was
this one, and too little to find in it what somebody should not have written there.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

REDACTED = "***"
LONGEST_KEPT = 1024
"""Characters of a text; one that is longer becomes its digest."""
_NEVER_KEPT = {"DocumentContent"}

_Redactor = Callable[[Any], Any]


def redacted(operation: OperationModel, given: Any) -> Any:
    """`given` with every member of a sensitive shape replaced by stars."""
    return _of_operation(operation)(given)


@lru_cache(maxsize=1024)
def _of_operation(operation: OperationModel) -> _Redactor:
    shape = operation.input_shape
    return _redactor(shape, ()) if shape is not None else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _stars(_value: Any) -> Any:
    return REDACTED


def _short(value: Any) -> Any:
    return value if len(value) <= LONGEST_KEPT else _digest(value)


def _digest(value: Any) -> Any:
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{REDACTED} {len(value)} characters, SHA-256 {digest}"


def _redactor(shape: Shape, above: tuple[str, ...]) -> _Redactor:
    if shape.metadata.get("sensitive") or shape.type_name == "blob":
        return _stars
    if shape.name in above:
        return _stars  # a shape inside itself: its depth is unknown, so nothing of it is kept
    if shape.type_name == "string":
        return _digest if shape.name in _NEVER_KEPT else _short
    above = (*above, shape.name)
    match shape:
        case StructureShape():
            return _structure(
                {name: _redactor(each, above) for name, each in shape.members.items()}
            )
        case ListShape():
            each = _redactor(shape.member, above)
            return lambda value: [item if item is None else each(item) for item in value]
        case MapShape():
            each = _redactor(shape.value, above)
            return lambda value: {
                key: item if item is None else each(item) for key, item in value.items()
            }
    return _as_it_is


def _structure(members: dict[str, _Redactor]) -> _Redactor:
    return lambda value: {name: members.get(name, _stars)(each) for name, each in value.items()}
