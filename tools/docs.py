"""Writes the generated pages of the documentation: the coverage table and the settings."""

import argparse
import ast
import importlib
import inspect
import pkgutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore import xform_name

import ostler.capabilities
import ostler.relay
from ostler.server.settings import Settings
from ostler.wire import models

ROOT = Path(__file__).parents[1]

COVERAGE_HEAD = """# Coverage

What every operation of the API does here: **kept** (does what its name says), **partial**
(with what is missing) or **not yet** (answers `NotYetImplemented`). Generated from the code and
`docs/coverage.toml` by `make docs`; the API is that of botocore {version}, what agents call, and
[our own](reference/extensions.md). Neighbours, of which clients need a part only, have no line for
what is not built: it answers `NotYetImplemented` as well.

"""

SETTINGS_HEAD = """# Settings

Every setting of `ostler-server`: `name = value` in a TOML file given by `--config`, or
`OSTLER_NAME` in the environment, or the option of that name. The command line wins over the
environment, the environment over the file. Generated from `server/settings.py` by `make docs`.
"""


def answered() -> dict[tuple[str, str], str]:
    """What the operations objects answer, by (service, operation), and where."""
    found: dict[tuple[str, str], str] = {}
    for package in (ostler.capabilities, ostler.relay):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".operations" in module.name or module.name.endswith(".polling"):
                found |= _answered_in(module.name)
    return found


def _answered_in(module: str) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for _, value in inspect.getmembers(importlib.import_module(module), inspect.isclass):
        service = getattr(value, "service", None)
        if isinstance(service, str):
            names = {xform_name(name): name for name in models.model(service).operation_names}
            methods = [name for name in dir(value) if name in names]
            found |= {(service, names[at]): module.split(".")[2] for at in methods}
    return found


def coverage() -> str:
    """The page of all operations, a table per service."""
    import botocore

    listed = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text())
    kept = answered()
    parts = [COVERAGE_HEAD.format(version=botocore.__version__)]
    for service in models.SERVICES:
        names = sorted(models.model(service).operation_names)
        count = sum((service, name) in kept for name in names)
        parts.append(f"## {service}: {count} of {len(names)}\n\n")
        notes = listed.get(service, {})
        if "neighbour" in notes:
            parts.append(f"{notes['neighbour']}\n\n")
            names = [name for name in names if (service, name) in kept]
        if names:
            rows = (_row(name, (service, name) in kept, notes) for name in names)
            parts.append("| operation | state | |\n|---|---|---|\n" + "".join(rows) + "\n")
    return "".join(parts).rstrip() + "\n"


def _row(name: str, kept: bool, notes: Mapping[str, Any]) -> str:
    state = "kept" if kept else "not yet"
    why = notes.get("not_yet", {}).get(name) or notes.get("own", {}).get(name, "")
    if kept and name in notes.get("partial", {}):
        state, why = "partial", notes["partial"][name]
    return f"| {name} | {state} | {why} |\n"


def settings() -> str:
    """The page of all settings, from the docstrings of their fields."""
    source = (ROOT / "src" / "ostler" / "server" / "settings.py").read_text()
    parts = [SETTINGS_HEAD]
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef) or node.name != "Settings":
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                assert isinstance(field.target, ast.Name)
                assert isinstance(text.value, ast.Constant)
                assert isinstance(text.value.value, str)
                assert field.value is not None
                default = ast.unparse(field.value)
                if isinstance(field.value, ast.Name):  # a constant of somebody else's
                    default = repr(getattr(Settings(), field.target.id))
                parts.append(f"\n## `{field.target.id}`\n\n{text.value.value}\n\n")
                parts.append(f"Default: `{default}`\n")
    return "".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    check = parser.parse_args().check
    pages = {"docs/coverage.md": coverage(), "docs/reference/settings.md": settings()}
    stale = []
    for name, text in pages.items():
        page = ROOT / name
        if page.exists() and page.read_text() == text:
            continue
        if check:
            stale.append(name)
        else:
            page.write_text(text)
    if stale:
        print(f"Stale, run `make docs`: {', '.join(stale)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
