"""Plugins by cases: what a step is given and finds on its machine, what it does and says.

Each file of tests/cases/plugins is one plugin or one matter; each table in it a case:
`steps` (or `inputs` of one step of `action`), what the machine and the server have (`files`,
`folders`, `programs`, `pages`, `objects`, `documents`, `parameters`), and what is to come of it
(`expected`).
"""

import asyncio
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ostler.agent.host import Program, Sink
from ostler.wire.http import Response
from tests.agent.life import World
from tests.agent.server import a_job
from tests.support.host import Behaviour, FakeHost

FOLDER = Path(__file__).parents[1] / "cases" / "plugins"


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {name}")
        for path in sorted(FOLDER.glob("*.toml"))
        for name, case in tomllib.loads(path.read_text()).items()
    ]


@pytest.mark.parametrize("case", cases())
def test_a_case(case: Mapping[str, Any], tmp_path: Path) -> None:
    asyncio.run(_test(case, tmp_path))


async def _test(case: Mapping[str, Any], tmp_path: Path) -> None:
    world = World(tmp_path)
    _prepare(world, case)
    steps = case.get("steps") or [
        {"name": "one", "action": case["action"], "inputs": case.get("inputs", {})}
    ]
    job = a_job(
        *steps,
        declared=case.get("declared"),
        parameters=case.get("parameters"),
        schema=case.get("schema", "2.2"),
    )
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: world.server.ended(job.job_id) is not None)

    told = world.server.steps(job.job_id)
    expected = case["expected"]
    names = [step["name"] for step in steps]
    for name, wanted in (expected.get("steps") or {names[0]: expected}).items():
        said = {
            "status": told[name].status,
            "code": told[name].code,
            "stdout": told[name].standard_output,
            "stderr": told[name].standard_error,
            "output": told[name].output,
        }
        for key in said.keys() & wanted.keys():
            assert _plain(wanted[key], world) == said[key], f"{name}: {key}"
        for key in ("stdout", "stderr", "output"):
            assert wanted.get(f"{key}_has", "") in said[key], f"{name}: {key}"
    if "document" in expected:
        assert expected["document"] == world.server.ended(job.job_id)
    _check_machine(world, expected)
    told_of = [
        {name: item[name] for name in ("TypeName", "SchemaVersion", "Content")}
        for item in world.server.inventory.values()
    ]
    assert expected.get("inventory", []) == told_of


def _prepare(world: World, case: Mapping[str, Any]) -> None:
    for path, content in case.get("files", {}).items():
        world.host.write(Path(path), content.encode())
    for path in case.get("folders", []):
        world.host.make_folder(Path(path))
    for name, program in case.get("programs", {}).items():
        world.host.programs[name] = _behaviour(program)
    for url, page in case.get("pages", {}).items():
        world.server.pages[url] = Response(
            page.get("status", 200), page.get("headers", {}), page.get("body", "").encode()
        )
    world.budget = case.get("room", world.budget)
    world.server.documents = dict(case.get("documents", {}))
    world.server.parameters = dict(case.get("parameters", {}))
    world.server.objects = {key: text.encode() for key, text in case.get("objects", {}).items()}
    world.server.has_buckets = case.get("buckets", True)


def _check_machine(world: World, expected: Mapping[str, Any]) -> None:
    if "programs" in expected:
        assert expected["programs"] == [
            [_shown(argument, world) for argument in program.arguments]
            for program in world.host.started
        ]
    for name, value in expected.get("environment", {}).items():
        assert value == world.host.started[-1].environment.get(name, ""), name
    if "folder" in expected:
        assert expected["folder"] == _shown(str(world.host.started[-1].folder), world)
    if "script" in expected:
        script = Path(world.host.started[-1].arguments[-1])
        assert expected["script"] == world.host.files[script].decode()
    for path, content in expected.get("files", {}).items():
        found = {_shown(str(each), world): each for each in world.host.files}
        assert path in found, sorted(found)
        assert content.encode() == world.host.files[found[path]]
    for path in expected.get("executable", []):
        assert Path(path) in world.host.executable
    for path in expected.get("missing", []):
        assert not world.host.exists(Path(path))
    for url, headers in expected.get("asked", {}).items():
        assert headers == dict(world.server.calls)[url]


def _shown(text: str, world: World) -> str:
    """A path with the names that are hashes left out."""
    work = f"{world.folder.path}/work/"
    if text.startswith(work):
        parts = text.removeprefix(work).split("/")
        return "/".join(["WORK", *("#" if len(part) == 32 else part for part in parts)])
    return "HERE" if text == str(Path.cwd()) else text


def _plain(text: Any, world: World) -> Any:
    if not isinstance(text, str) or "WORK/#" not in text:
        return text
    [job] = (world.folder.path / "work").iterdir()
    return text.replace("WORK/#", str(job))


def _behaviour(program: Mapping[str, Any]) -> Behaviour:
    """A program that says something, leaves files in the folder it is told last, and ends."""

    def behave(host: FakeHost, started: Program, sink: Sink) -> int:
        sink("stdout", program.get("stdout", "").encode())
        sink("stderr", program.get("stderr", "").encode())
        for name, content in program.get("leaves", {}).items():
            host.write(Path(started.arguments[-1]) / name, content.encode())
        return int(program.get("code", 0))

    return behave
