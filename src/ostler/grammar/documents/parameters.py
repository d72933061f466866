"""Parameters: the values that a document is run with, checked against their declarations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ostler.grammar.documents.faults import DocumentFault, ParameterFault
from ostler.grammar.documents.interpolation import StoredReference, stored_references
from ostler.grammar.documents.model import ABSENT, Document, Kind, Parameter, text_of
from ostler.grammar.documents.patterns import Effort, PatternFault, compile_pattern
from ostler.grammar.documents.reading import read


@dataclass(frozen=True, slots=True)
class Bound:
    """A document's parameters with values of their types.

    `given` are those that came from outside, `values` all of them, defaults included; `stored`
    names what they ask of Parameter Store, whose values are checked by whoever fetches them.
    """

    values: Mapping[str, Any]
    given: Mapping[str, Any] = field(default_factory=dict)
    stored: Sequence[StoredReference] = ()


def bind(document: Document, given: Mapping[str, Sequence[str]]) -> Bound:
    """The values of `given` as its API writes them, a list of strings for every type."""
    _check_names(document, given)
    typed = {name: _typed(document.parameters[name], texts) for name, texts in given.items()}
    return _bound(document, typed)


def rebind(document: Document, given: Mapping[str, Any]) -> Bound:
    """The values of `given`, which have their types already: what an agent receives.

    Names that are not declared are used all the same, as agents do.
    """
    bound = _bound(document, {name: given[name] for name in document.parameters if name in given})
    return Bound({**given, **bound.values}, dict(given), bound.stored)


def check_value(parameter: Parameter, value: Any, effort: Effort | None = None) -> None:
    """ParameterFault unless `value` keeps the limits that the declaration sets.

    Several checks share an `effort`, so that a document of many patterns costs no more than one.
    """
    if not _fits(parameter, value):
        raise ParameterFault(_wrong_type(parameter))
    _check_count(parameter, value)
    effort = effort or Effort()
    for text in _texts(value):
        _check_text(parameter, text, effort)


def _bound(document: Document, given: dict[str, Any]) -> Bound:
    values, effort = {}, Effort()
    for name, parameter in document.parameters.items():
        value = given.get(name, parameter.default)
        if value is ABSENT:
            raise ParameterFault(f'Parameter "{name}" requires a value.')
        if name in given and not stored_references(value):
            check_value(parameter, value, effort)
        values[name] = value
    return Bound(values, given, stored_references(list(values.values())))


def _check_names(document: Document, given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in document.parameters:
            raise ParameterFault(f'Parameter "{name}" is not declared.')


def _typed(parameter: Parameter, texts: Sequence[str]) -> Any:
    if parameter.kind is Kind.STRING_LIST:
        return list(texts)
    if parameter.kind is Kind.MAP_LIST:
        return [item for text in texts for item in _listed(_value_of(parameter, text))]
    if len(texts) != 1:
        raise ParameterFault(f'Parameter "{parameter.name}" takes exactly one value.')
    text = texts[0]
    # Run Command sends a StringMap on as the text that it was given, and agents lose some of them
    # when they come as maps (agent/plugins/configurepackage, parseAndValidateInput).
    if parameter.kind in (Kind.STRING, Kind.STRING_MAP) or stored_references(text):
        return text
    return _value_of(parameter, text)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _value_of(parameter: Parameter, text: str) -> Any:
    try:
        return read(text, "JSON")
    except DocumentFault as fault:
        raise ParameterFault(f"{_wrong_type(parameter)} {fault.message}") from None


def _wrong_type(parameter: Parameter) -> str:
    return f'Parameter "{parameter.name}" must be of type {parameter.kind}.'


def _fits(parameter: Parameter, value: Any) -> bool:
    match parameter.kind:
        case Kind.STRING:
            return isinstance(value, str)
        case Kind.STRING_LIST:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
        case Kind.BOOLEAN:
            return isinstance(value, bool)
        case Kind.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case Kind.STRING_MAP if isinstance(value, str):
            return not value or isinstance(_value_of(parameter, value), dict)
        case Kind.STRING_MAP:
            return isinstance(value, dict)
        case Kind.MAP_LIST:
            return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _texts(value: Any) -> list[str]:
    """What limits on characters, patterns and allowed values are applied to."""
    if isinstance(value, list):
        return [text_of(item) for item in value]
    return [text_of(value)]


def _check_count(parameter: Parameter, value: Any) -> None:
    if not isinstance(value, list | dict):
        return
    name, count = parameter.name, len(value)
    if parameter.min_items is not None and count < parameter.min_items:
        raise ParameterFault(f'Parameter "{name}" needs at least {parameter.min_items} items.')
    if parameter.max_items is not None and count > parameter.max_items:
        raise ParameterFault(f'Parameter "{name}" takes at most {parameter.max_items} items.')


def _check_text(parameter: Parameter, text: str, effort: Effort) -> None:
    name, numeric = parameter.name, parameter.kind in (Kind.INTEGER, Kind.BOOLEAN)
    if not numeric and parameter.min_chars is not None and len(text) < parameter.min_chars:
        raise ParameterFault(f'Parameter "{name}" needs at least {parameter.min_chars} characters.')
    if not numeric and parameter.max_chars is not None and len(text) > parameter.max_chars:
        raise ParameterFault(f'Parameter "{name}" takes at most {parameter.max_chars} characters.')
    if parameter.allowed_values and not _is_allowed(parameter, text):
        allowed = ", ".join(parameter.allowed_values)
        raise ParameterFault(f'Parameter "{name}" must have one of these values: {allowed}.')
    if parameter.allowed_pattern and not _matches(parameter, text, effort):
        raise ParameterFault(
            f'Parameter "{name}" does not match the allowed pattern {parameter.allowed_pattern}.'
        )


def _is_allowed(parameter: Parameter, text: str) -> bool:
    # Declarations write True and true alike for a String, YAML and JSON make both a Boolean.
    return text in parameter.allowed_values or (
        text.lower() in ("true", "false") and text.lower() in parameter.allowed_values
    )


def _matches(parameter: Parameter, text: str, effort: Effort) -> bool:
    try:
        return compile_pattern(parameter.allowed_pattern, effort).search(text, effort)
    except PatternFault as fault:
        raise ParameterFault(
            f'Parameter "{parameter.name}": its allowed pattern cannot be applied: {fault}'
        ) from None
