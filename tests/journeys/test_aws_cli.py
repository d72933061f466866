"""The aws CLI drives every operation of fleet, tags, documents and Run Command.

The stories are data: tests/cases/journeys, one file each. A step runs `aws ssm` (or the `service`
that the story names) with the words in `aws`, in which `$name` stands for what is known or was
kept. It succeeds, unless it writes an `error` of the service or what it `says` to standard error,
or has exactly the JSON in `is` as its answer to `query`, which `keep` gives a name for later steps.
"""

import json
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

from tests.support.aws_cli import AwsCli
from tests.support.processes import AgentProcess, ServerProcess

STORIES = sorted((Path(__file__).parents[1] / "cases/journeys").glob("*.toml"))
REFUSED = (254, 255)
"""The CLI's statuses for an error of the service, from version 2 on and before."""


@pytest.fixture(scope="module")
def known(
    fleet: list[str],
    silent: list[str],
    new_agents: Callable[..., list[AgentProcess]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """What `$name` stands for at the beginning."""
    folder = tmp_path_factory.mktemp("cli")
    for name in ("first", "second"):
        (folder / f"{name}.yaml").write_text(
            yaml.safe_dump(document(f"echo {name} {{{{ word }}}}"))
        )
    failing = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["exit 4"]}}
    (folder / "failing.json").write_text(json.dumps(failing))
    [leaving] = new_agents()
    nodes = dict(zip(("first", "second", "third"), fleet, strict=True))
    return {**nodes, "silent": silent[0], "leaving": leaving.node, "folder": str(folder)}


def document(line: str) -> dict[str, Any]:
    step = {"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": [line]}}
    word = {"type": "String", "default": "there"}
    return {"schemaVersion": "2.2", "parameters": {"word": word}, "mainSteps": [step]}


@pytest.fixture(scope="module")
def told(server: ServerProcess, known: dict[str, str]) -> Iterator[dict[str, Future[None]]]:
    """Every story, being told: two at a time, for the CLI takes long to start."""
    with ThreadPoolExecutor(2) as tellers:
        yield {story.stem: tellers.submit(tell, server, story, dict(known)) for story in STORIES}


@pytest.mark.parametrize("story", [story.stem for story in STORIES])
def test_the_story_goes_as_written(told: dict[str, Future[None]], story: str) -> None:
    told[story].result()


def test_the_program_itself_works_with_what_client_env_says(server: ServerProcess) -> None:
    done = AwsCli(server).run_program("ssm", "get-document", "--name", "AWS-Noop")

    assert (0, "AWS-Noop") == (done.returncode, json.loads(done.stdout)["Name"])


def tell(server: ServerProcess, story: Path, known: dict[str, str]) -> None:
    with AwsCli(server) as aws:
        told = tomllib.loads(story.read_text())
        for number, step in enumerate(told["step"], 1):
            step = {"service": told.get("service", "ssm"), **step}
            take(aws, step, known, f"{story.name}, step {number}")


def take(aws: AwsCli, step: Mapping[str, Any], known: dict[str, str], place: str) -> None:
    service = step["service"]
    words = shlex.split(Template(step["aws"]).substitute(known))
    asked = ["--query", step["query"]] if "query" in step else []
    done = aws.run(service, *words, *asked)
    where = f"{place}: aws {service} {shlex.join(words)}\n{done.stdout}{done.stderr}"
    error, says = step.get("error", ""), step.get("says", "")
    assert done.returncode in (REFUSED if error or says else (0,)), where
    assert (f"({error})" if error else "") in done.stderr, where
    assert Template(says).substitute(known) in done.stderr, where
    if "is" in step:
        assert filled(step["is"], known) == json.loads(done.stdout), where
    if "keep" in step:
        known[step["keep"]] = json.loads(done.stdout)


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """The expected value, its names replaced by what they stand for."""
    match value:
        case str():
            return Template(value).substitute(known)
        case list():
            return [filled(each, known) for each in value]
        case dict():
            return {name: filled(each, known) for name, each in value.items()}
    return value
