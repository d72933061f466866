"""The building blocks: they look before they act, act once, and in Audit do nothing but tell."""

import os
import subprocess
import tomllib
from pathlib import Path
from string import Template
from typing import Any

import pytest

from ostler.capabilities.documents import library
from ostler.grammar.documents import bind, environment_of, inputs_of, interpolate

CASES = Path(__file__).parents[2] / "cases/building_blocks"
BLOCKS = [
    (path.stem, case)
    for path in sorted(CASES.glob("*.toml"))
    for case in tomllib.loads(path.read_text())["case"]
]
AGENTS = ["ours", "stock"]


class Machine:
    """A folder with files, and tools that note what they were asked to change."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.bin = folder / "bin"
        self.root.mkdir()
        self.bin.mkdir()

    def bring(self, files: dict[str, str], tools: dict[str, str]) -> None:
        for name, content in files.items():
            (self.root / name).write_text(content)
        for name, script in tools.items():
            tool = self.bin / name
            tool.write_text(f"#!/bin/sh\ncd {self.root}\n{script}\n")
            tool.chmod(0o755)

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(self.root.iterdir())}

    def run(self, document: str, given: dict[str, str], agent: str) -> Any:
        """Run a document's script as our agent does, or as one that knows no ENV_VAR."""
        shipped = library.find(document)
        assert shipped is not None
        parsed = shipped.document
        texts = {
            name: [Template(text).safe_substitute(root=self.root)] for name, text in given.items()
        }
        values = bind(parsed, texts).values
        [step] = parsed.steps
        environment = {"PATH": f"{self.bin}:{os.environ['PATH']}"}
        if agent == "ours":
            inputs = inputs_of(step, values, parsed)
            environment |= environment_of(values, parsed)
        else:
            inputs = interpolate(step.inputs, values)
        script = "\n".join(inputs["runCommand"])
        return subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, env=environment, check=False
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    ("document", "case"), BLOCKS, ids=lambda one: one["about"] if isinstance(one, dict) else one
)
def test_a_building_block_looks_tells_acts_once_and_is_done(machine, document, case, agent):
    machine.bring(case.get("files", {}), case.get("tools", {}))
    before = machine.files()

    audit = machine.run(document, {**case["given"], "Mode": "Audit"}, agent)
    audited = machine.files()
    first = machine.run(document, case["given"], agent)
    after = machine.files()
    second = machine.run(document, case["given"], agent)
    calm = machine.run(document, {**case["given"], "Mode": "Audit"}, agent)

    assert before == audited
    assert 3 == audit.returncode, audit
    assert audit.stderr.startswith("OSTLER-DRIFT\n")
    for line in case["drift"]:
        wanted = Template(line).safe_substitute(root=machine.root)
        assert wanted in audit.stderr.splitlines(), audit.stderr
    assert 0 == first.returncode, first
    assert "changed: " in first.stdout
    assert case["after"] == {name: after.get(name, "absent") for name in case["after"]}
    assert 0 == second.returncode == calm.returncode, second
    assert "already in state" in second.stdout
    assert "already in state" in calm.stdout
    assert after == machine.files()


@pytest.mark.parametrize("agent", AGENTS)
def test_what_a_parameter_says_is_never_run(machine, agent):
    """Not even where the agent puts values into the script's text."""
    evil = "$(touch $root/run) `touch $root/run`; touch $root/run\n'\"\\ end"
    given = {"path": "$root/file", "content": Template(evil).safe_substitute(root=machine.root)}
    done = machine.run("Ostler-EnsureFile", given, agent)

    assert 0 == done.returncode, done
    assert {"file": given["content"] + "\n"} == machine.files()


@pytest.mark.parametrize(
    ("document", "given", "why"),
    [
        ("Ostler-EnsureFile", {"path": "$root"}, "is a folder"),
        ("Ostler-EnsureFile", {"path": "$root/none/file", "content": "x"}, "there is no folder"),
        ("Ostler-EnsureLine", {"path": "$root/f", "line": "x", "matching": "("}, "no regular"),
        ("Ostler-EnsureCronJob", {"name": "x", "folder": "/none", "command": "x"}, "no cron"),
        ("Ostler-EnsureCronJob", {"name": "x", "folder": "$root"}, "needs a command"),
    ],
)
def test_what_cannot_be_had_fails_and_says_why(machine, document, given, why):
    done = machine.run(document, given, "ours")

    assert 1 == done.returncode
    assert why in done.stderr
    assert {} == machine.files()
