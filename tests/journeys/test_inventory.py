"""Inventory: a real agent tells what this machine has; boto3 and `ostler` ask for it."""

import json
import subprocess
from typing import Any

import pytest

from ostler.cli.main import main
from tests.journeys.commands import ended
from tests.support.processes import ServerProcess


@pytest.fixture(scope="module")
def gathered(ssm: Any, fleet: list[str]) -> str:
    """A node that told its inventory."""
    sent = ssm.send_command(
        DocumentName="AWS-GatherSoftwareInventory",
        InstanceIds=fleet[:1],
        Parameters={"services": ["Disabled"]},
    )
    assert "Success" == ended(ssm, sent["Command"]["CommandId"])["Status"]
    return fleet[0]


def test_the_packages_are_those_of_dpkg(ssm: Any, gathered: str) -> None:
    layout = "--showformat=${Version}"
    told = subprocess.run(
        ["dpkg-query", "--show", layout, "dpkg"], check=True, capture_output=True, text=True
    )

    answer = ssm.list_inventory_entries(
        InstanceId=gathered,
        TypeName="AWS:Application",
        Filters=[{"Key": "AWS:Application.Name", "Values": ["dpkg"]}],
    )

    assert [told.stdout] == [entry["Version"] for entry in answer["Entries"]]


def test_nodes_are_found_by_what_they_have(ssm: Any, gathered: str) -> None:
    older = {"Key": "AWS:Application.Version", "Values": ["99:0"], "Type": "LessThan"}
    named = {"Key": "AWS:Application.Name", "Values": ["dpkg"]}

    found = ssm.get_inventory(Filters=[named, older])["Entities"]

    assert [gathered] == [entity["Id"] for entity in found]
    [platform] = found[0]["Data"]["AWS:InstanceInformation"]["Content"]
    assert "Linux" == platform["PlatformType"]


def test_the_machine_itself_is_told(ssm: Any, gathered: str) -> None:
    for type_name in ("AWS:Network", "AWS:InstanceDetailedInformation", "AWS:AWSComponent"):
        answer = ssm.list_inventory_entries(InstanceId=gathered, TypeName=type_name)
        assert answer["Entries"] or type_name == "AWS:Network", type_name


def test_ostler_finds_them_too(
    server: ServerProcess,
    gathered: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)

    main(["-o", "json", "inventory", "find", "Name=dpkg", "Version<99:0"])

    [row] = json.loads(capsys.readouterr().out)
    assert (gathered, "dpkg") == (row["InstanceId"], row["Name"])


def test_a_node_is_shown_on_one_screen(
    server: ServerProcess,
    gathered: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)

    main(["-o", "json", "nodes", "show", gathered])
    told = json.loads(capsys.readouterr().out)
    main(["nodes", "show", gathered])
    screen = capsys.readouterr().out

    assert gathered == told["Node"]["Id"]
    assert int(told["Node"]["Packages"]) > 10
    assert "AWS-GatherSoftwareInventory" in {each["DocumentName"] for each in told["Commands"]}
    assert all(title in screen for title in ("ASSOCIATIONS", "COMPLIANCE", "CHANGES", "COMMANDS"))
