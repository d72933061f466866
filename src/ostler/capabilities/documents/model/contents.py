"""Contents: what the text of a document of each type must be, and what follows from it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ostler.capabilities.documents.errors import (
    InvalidDocumentContent,
    InvalidDocumentSchemaVersion,
    MaxDocumentSizeExceeded,
)
from ostler.capabilities.documents.model.documents import DeclaredParameter
from ostler.foundation.errors import ApiError, NotYetImplemented
from ostler.grammar import documents as grammar


@dataclass(frozen=True, slots=True)
class Contents:
    """What a text says; `checksums` are the SHA-256 of files that it promises, by name."""

    schema_version: str
    description: str | None
    parameters: Sequence[DeclaredParameter]
    platform_types: Sequence[str]
    checksums: Mapping[str, str] = field(default_factory=dict)
    updatable: bool = True


def contents_of(content: str, kind: str, notation: str) -> Contents:
    """What `content` says as a document of type `kind` in JSON or YAML; an ApiError if unsound."""
    examine = _TYPES.get(kind)
    if examine is None:
        raise NotYetImplemented(
            f"Documents of type {kind} come with the capability that uses them, which is not "
            f"built yet; {', '.join(sorted(_TYPES))} are."
        )
    if notation not in ("JSON", "YAML"):
        raise InvalidDocumentContent(f"A document of type {kind} is written in JSON or YAML.")
    try:
        raw = grammar.read(content, notation)
        return examine(raw)
    except grammar.DocumentFault as fault:
        raise _FAULTS[fault.code](fault.message) from None


def converted(content: str, notation: str, wanted: str) -> str:
    """`content`, which was found sound before, in another notation."""
    return grammar.convert(content, notation, wanted)


def hash_of(content: str, kind: str = "Sha256") -> str:
    """The hash of a text as it was given, not of what it means."""
    algorithm = hashlib.sha1 if kind == "Sha1" else hashlib.sha256
    return algorithm(content.encode()).hexdigest()


def _command(raw: Any) -> Contents:
    document = grammar.document_of(raw)
    grammar.check_command(document)
    return Contents(
        document.schema_version,
        document.description or None,
        _declared(document.parameters),
        grammar.platform_types(document),
        # As AWS has it: versions came with schema 2.0.
        updatable=not document.schema_version.startswith("1."),
    )


def _policy(raw: Any) -> Contents:
    contents = _command(raw)
    if not contents.updatable:
        raise grammar.DocumentFault(
            f"Schema version {contents.schema_version} is not supported for a document of type "
            "Policy.",
            "InvalidDocumentSchemaVersion",
        )
    return contents


def _session(raw: Any) -> Contents:
    parameters = grammar.check_session(raw)
    return Contents("1.0", raw.get("description"), _declared(parameters), grammar.PLATFORMS)


def _package(raw: Any) -> Contents:
    manifest = grammar.check_package(raw)
    description = raw.get("description")
    return Contents(
        "2.0",
        description if isinstance(description, str) else None,
        (),
        manifest.platforms,
        manifest.checksums,
    )


def _declared(parameters: Mapping[str, grammar.Parameter]) -> list[DeclaredParameter]:
    return [
        DeclaredParameter(
            parameter.name,
            parameter.kind,
            parameter.description,
            None if parameter.required else grammar.text_of(parameter.default),
        )
        for parameter in parameters.values()
    ]


_TYPES: Mapping[str, Callable[[Any], Contents]] = {
    "Command": _command,
    "Package": _package,
    "Policy": _policy,
    "Session": _session,
}
_FAULTS: Mapping[str, type[ApiError]] = {
    "InvalidDocumentContent": InvalidDocumentContent,
    "InvalidDocumentSchemaVersion": InvalidDocumentSchemaVersion,
    "MaxDocumentSizeExceeded": MaxDocumentSizeExceeded,
}
