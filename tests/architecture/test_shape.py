"""The rules of the house that no import linter expresses."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "ostler"
CAPABILITIES = sorted(
    path for path in (SOURCE / "capabilities").iterdir() if (path / "__init__.py").exists()
)
MODULES = sorted(path for path in SOURCE.rglob("*.py"))

NINE_NAMES = {
    "__init__",
    "model",
    "events",
    "errors",
    "store",
    "service",
    "operations",
    "jobs",
    "capability",
}
EXTRA_ROOMS = {("automation", "actions"), ("documents", "library")}
NO_NAMES = {"utils", "util", "common", "helpers", "misc", "base", "core", "manager"}
MOST_LINES = 600

FOUNDATION = {
    "audit",
    "authentication",
    "blobs",
    "call",
    "capability",
    "clock",
    "deliveries",
    "errors",
    "events",
    "ids",
    "invoke",
    "nudges",
    "outbound",
    "paging",
    "policy",
    "secrets",
    "storage",
    "timers",
}
"""Closed: a new module needs a decision record (docs/decisions) and then a name here."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda path: path.name)
def test_a_capability_has_only_the_nine_names(capability: Path) -> None:
    found = {path.stem for path in capability.iterdir() if path.name != "__pycache__"}
    extra = {room for name, room in EXTRA_ROOMS if name == capability.name} | {"migrations"}

    assert set() == found - NINE_NAMES - extra


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_is_short_enough_to_read(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= MOST_LINES


def test_no_module_is_an_attic() -> None:
    assert [] == [name_of(path) for path in MODULES if path.stem in NO_NAMES]


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_says_what_it_is(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_the_foundation_is_no_attic() -> None:
    found = {path.stem for path in (SOURCE / "foundation").iterdir()} - {"__init__", "__pycache__"}

    assert set() == found - FOUNDATION


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda path: path.name)
def test_neighbours_use_the_front_door(capability: Path) -> None:
    """From another capability one imports the package (or its events), never a module inside."""
    inside = re.compile(rf"^from ostler\.capabilities\.{capability.name}\.(?!events\b)\w+", re.M)
    others = [
        path for path in MODULES if "capabilities" in path.parts and capability not in path.parents
    ]

    assert [] == [name_of(path) for path in others if inside.search(path.read_text())]


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda path: path.name)
def test_every_capability_has_its_essay(capability: Path) -> None:
    assert (ROOT / "docs" / "internals" / f"{capability.name}.md").exists()


def test_every_setting_is_described() -> None:
    reference = (ROOT / "docs" / "reference" / "settings.md").read_text()
    settings = ast.parse((SOURCE / "server" / "settings.py").read_text())
    fields = [
        line.target.id
        for node in ast.walk(settings)
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    ]

    assert [] == [field for field in fields if f"## `{field}`" not in reference]
