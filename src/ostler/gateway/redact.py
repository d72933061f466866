"""What the audit log may keep of an input: everything but what the model calls sensitive."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from botocore.model import OperationModel, Shape

REDACTED = "***"

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


def _redactor(shape: Shape, above: tuple[str, ...]) -> _Redactor:
    if shape.metadata.get("sensitive"):
        return _stars
    if shape.name in above:
        return _stars  # a shape inside itself: its depth is unknown, so nothing of it is kept
    above = (*above, shape.name)
    if shape.type_name == "structure":
        members = {name: _redactor(member, above) for name, member in shape.members.items()}
        return lambda value: {
            name: members.get(name, _stars)(member) for name, member in value.items()
        }
    if shape.type_name == "list":
        each = _redactor(shape.member, above)
        return lambda value: [each(item) for item in value]
    if shape.type_name == "map":
        value_of = _redactor(shape.value, above)
        return lambda value: {key: value_of(item) for key, item in value.items()}
    if shape.type_name == "blob":
        return _stars
    return _as_it_is
