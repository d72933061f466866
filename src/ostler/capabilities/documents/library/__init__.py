"""The documents that come with the house: the same in every account and region, without rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources

from ostler.capabilities.documents.model.contents import contents_of, hash_of
from ostler.capabilities.documents.model.documents import DocumentVersion
from ostler.capabilities.documents.model.names import AMAZON
from ostler.grammar.documents import convert

_WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)


def find(name: str) -> DocumentVersion | None:
    """The document of that name; it has no region until somebody asks for it in one."""
    return shipped().get(name)


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, DocumentVersion]:
    """All of them, by name, in the order of their names."""
    folder = resources.files(__package__)
    names = sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )
    return {name: _read(name, folder.joinpath(f"{name}.yaml").read_text()) for name in names}


def _read(name: str, text: str) -> DocumentVersion:
    # Written in YAML for people, served in JSON as AWS's own are.
    content = convert(text, "YAML", "JSON")
    contents = contents_of(content, "Command", "JSON")
    return DocumentVersion(
        name=name,
        owner=AMAZON,
        region="",
        type="Command",
        version="1",
        default_version="1",
        latest_version="1",
        format="JSON",
        hash=hash_of(content),
        created=_WRITTEN,
        schema_version=contents.schema_version,
        description=contents.description,
        parameters=contents.parameters,
        platform_types=contents.platform_types,
        content=content,
    )
