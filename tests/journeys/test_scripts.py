"""What documents do on nodes: steps and their order, parameters, output, documents in documents."""

import json
from pathlib import Path
from typing import Any

import pytest

from ostler.cli.client import Connection
from tests.journeys.commands import answer, ended, invocations, send
from tests.support.processes import ServerProcess

STEPS = """
schemaVersion: "2.2"
description: Two steps and one for another platform
parameters:
  greeting: {type: String, default: hello}
mainSteps:
- {action: aws:runShellScript, name: first, inputs: {runCommand: ["echo {{ greeting }}"]}}
- action: aws:runPowerShellScript
  name: elsewhere
  precondition: {StringEquals: [platformType, Windows]}
  inputs: {runCommand: ["Write-Host no"]}
- {action: aws:runShellScript, name: last, inputs: {runCommand: ["echo bye"]}}
"""

EXITS = """
schemaVersion: "2.2"
mainSteps:
- action: aws:runShellScript
  name: failing
  inputs: {onFailure: exit, runCommand: ["echo tried", "exit 3"]}
- {action: aws:runShellScript, name: skipped, inputs: {runCommand: ["echo never"]}}
- action: aws:runShellScript
  name: cleaning
  inputs: {finallyStep: true, runCommand: ["echo clean"]}
"""

VARIABLES = """
schemaVersion: "2.2"
parameters:
  text: {type: String, interpolationType: ENV_VAR}
mainSteps:
- {action: aws:runShellScript, name: say, inputs: {runCommand: ['printf %s "{{ text }}"']}}
"""


def run(ssm: Any, name: str, node: str, **parameters: str) -> str:
    """Run a document on one node; the command's id, once it has ended."""
    given = {key: [value] for key, value in parameters.items()}
    sent = ssm.send_command(DocumentName=name, InstanceIds=[node], Parameters=given)["Command"]
    ended(ssm, sent["CommandId"])
    return str(sent["CommandId"])


def made(ssm: Any, name: str, content: str) -> str:
    """A command document of this content."""
    ssm.create_document(Name=name, Content=content, DocumentType="Command", DocumentFormat="YAML")
    return name


def test_steps_follow_each_other_and_skip_by_platform(ssm: Any, fleet: list[str]) -> None:
    name = made(ssm, "journey-steps", STEPS)

    command = run(ssm, name, fleet[0], greeting="good day")

    [invocation] = invocations(ssm, command, Details=True)
    plugins = invocation["CommandPlugins"]
    assert ["first", "elsewhere", "last"] == [plugin["Name"] for plugin in plugins]
    assert "good day\n" == answer(ssm, command, fleet[0], "first")["StandardOutputContent"]
    assert "bye\n" == answer(ssm, command, fleet[0], "last")["StandardOutputContent"]
    assert ("", "") == (
        (whole := answer(ssm, command, fleet[0]))["PluginName"],
        whole["StandardOutputContent"],
    )


def test_a_failure_ends_the_steps_but_for_the_last(ssm: Any, fleet: list[str]) -> None:
    name = made(ssm, "journey-exits", EXITS)

    command = run(ssm, name, fleet[0])

    [invocation] = invocations(ssm, command, Details=True)
    statuses = {each["Name"]: each["Status"] for each in invocation["CommandPlugins"]}
    assert ("Failed", "Success") == (statuses["failing"], statuses["cleaning"])
    assert "Failed" == invocation["Status"]
    assert 3 == answer(ssm, command, fleet[0], "failing")["ResponseCode"]
    assert "" == answer(ssm, command, fleet[0], "skipped")["StandardOutputContent"]
    assert "clean\n" == answer(ssm, command, fleet[0], "cleaning")["StandardOutputContent"]


def test_a_value_in_a_variable_never_becomes_code(ssm: Any, fleet: list[str]) -> None:
    name = made(ssm, "journey-variables", VARIABLES)
    value = "\"; echo broken out; $(exit 9) `exit 8` '; {{ text }}"

    command = run(ssm, name, fleet[0], text=value)

    assert value == answer(ssm, command, fleet[0])["StandardOutputContent"]


def test_a_script_runs_in_its_folder(ssm: Any, fleet: list[str], tmp_path: Path) -> None:
    command = send(
        ssm, "pwd", InstanceIds=fleet[:1], Parameters={"workingDirectory": [str(tmp_path)]}
    )

    ended(ssm, command)

    assert f"{tmp_path}\n" == answer(ssm, command, fleet[0])["StandardOutputContent"]


def test_a_script_may_call_the_api_as_its_node(
    server: ServerProcess, ssm: Any, fleet: list[str]
) -> None:
    """The agent shares its credentials of the hour with what it starts."""
    command = send(ssm, "env | grep -c ^AWS_SHARED_CREDENTIALS_FILE=", InstanceIds=fleet[:1])

    ended(ssm, command)

    assert "1\n" == answer(ssm, command, fleet[0])["StandardOutputContent"]


def test_a_document_of_ours_runs_from_within_another(ssm: Any, fleet: list[str]) -> None:
    """The node fetches it by GetDocument, with its own credentials."""
    inner = made(ssm, "journey-inner", STEPS)
    command = run(
        ssm,
        "AWS-RunDocument",
        fleet[0],
        sourceType="SSMDocument",
        sourceInfo=json.dumps({"name": inner}),
        documentParameters=json.dumps({"greeting": "from within"}),
    )

    heard = answer(ssm, command, fleet[0], "runDocument")

    assert ("Success", True) == (
        heard["Status"],
        "from within" in heard["StandardOutputContent"],
    ), heard


def test_nothing_is_done_successfully(ssm: Any, fleet: list[str]) -> None:
    command = run(ssm, "AWS-Noop", fleet[0])

    assert "Success" == answer(ssm, command, fleet[0])["Status"]


def test_long_output_is_cut_for_the_api_and_kept_whole(
    server: ServerProcess, ssm: Any, fleet: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    client = Connection().client()
    script = "yes 0123456789 | head -c 100000; yes ERROR | head -c 50000 >&2"
    command = send(
        ssm,
        script,
        InstanceIds=fleet[:1],
        OutputS3BucketName="whole-output",
        OutputS3KeyPrefix="kept",
    )

    ended(ssm, command)

    heard = answer(ssm, command, fleet[0])
    assert 24000 >= len(heard["StandardOutputContent"]) > 20000
    assert 8000 >= len(heard["StandardErrorContent"]) > 6000
    [plugin] = invocations(ssm, command, Details=True)[0]["CommandPlugins"]
    assert 2500 >= len(plugin["Output"]) > 2000
    folder = f"kept/{command}/{fleet[0]}/awsrunShellScript/0.awsrunShellScript"
    assert heard["StandardOutputUrl"].endswith(f"/whole-output/{folder}/stdout")
    whole = [
        client.get_command_output(
            CommandId=command, InstanceId=fleet[0], Stream=stream, MaxBytes=1_000_000
        )
        for stream in ("stdout", "stderr")
    ]
    assert [(100000, True), (50000, True)] == [
        (len(each["Content"]), each["Whole"]) for each in whole
    ]
