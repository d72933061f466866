"""Activations and nodes by boto3, with real agents: enrolment, refusal, departure."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.processes import AgentProcess, ServerProcess


def activation(ssm: Any, **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = ssm.create_activation(IamRole="OstlerManagedInstance", **given)
    return made


def test_an_exhausted_activation_is_refused(
    server: ServerProcess, ssm: Any, tmp_path: Path
) -> None:
    once = activation(ssm, RegistrationLimit=1)
    assert 0 == AgentProcess(tmp_path / "first").register(server, once).returncode

    second = AgentProcess(tmp_path / "second").register(server, once)

    assert 0 != second.returncode
    assert "ctivation" in second.stdout + second.stderr


def test_a_wrong_code_is_refused(server: ServerProcess, ssm: Any, tmp_path: Path) -> None:
    made = activation(ssm)
    wrong = {**made, "ActivationCode": "A" * 20}

    refused = AgentProcess(tmp_path / "agent").register(server, wrong)

    assert 0 != refused.returncode
    told = ssm.describe_activations(
        Filters=[{"FilterKey": "ActivationIds", "FilterValues": [made["ActivationId"]]}]
    )
    assert 0 == told["ActivationList"][0]["RegistrationsCount"]


def test_the_code_is_never_told_again(ssm: Any) -> None:
    made = activation(ssm)

    told = ssm.describe_activations()["ActivationList"]

    assert made["ActivationCode"] not in str(told)


def test_a_deregistered_node_is_gone(
    ssm: Any, new_agents: Callable[..., list[AgentProcess]]
) -> None:
    new_agents(role="leaving")
    filters = [{"Key": "tag:role", "Values": ["leaving"]}]
    node = ssm.describe_instance_information(Filters=filters)["InstanceInformationList"][0]

    ssm.deregister_managed_instance(InstanceId=node["InstanceId"])

    assert [] == ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        ssm.send_command(
            DocumentName="AWS-RunShellScript",
            InstanceIds=[node["InstanceId"]],
            Parameters={"commands": ["true"]},
        )


def test_a_node_is_described_by_what_it_reports(ssm: Any, fleet: list[str]) -> None:
    told = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": fleet[:1]}])[
        "InstanceInformationList"
    ][0]

    assert ("Online", "Linux", "ManagedInstance") == (
        told["PingStatus"],
        told["PlatformType"],
        told["ResourceType"],
    )
    assert told["ComputerName"]
    assert told["PlatformName"]


def test_pages_show_every_node_once(ssm: Any, fleet: list[str]) -> None:
    pages = ssm.get_paginator("describe_instance_information").paginate(
        PaginationConfig={"PageSize": 5}
    )

    found = [node["InstanceId"] for page in pages for node in page["InstanceInformationList"]]

    assert len(found) == len(set(found))
    assert set(fleet) <= set(found)


def test_another_region_has_nodes_of_its_own(server: ServerProcess, fleet: list[str]) -> None:
    elsewhere = server.client(region_name="eu-central-1")

    assert [] == elsewhere.describe_instance_information()["InstanceInformationList"]
