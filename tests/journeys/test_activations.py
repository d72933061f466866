"""Activations by boto3, and machines that register with them, or may not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ostler.foundation.clock import SystemClock
from tests.journeys.commands import described
from tests.support.processes import AgentProcess, ServerProcess, eventually

ROLE = "OstlerManagedInstance"


def now() -> datetime:
    return SystemClock().now().astimezone(UTC)


def listed(ssm: Any, key: str, *values: str) -> list[dict[str, Any]]:
    """The activations that pass one filter."""
    found: list[dict[str, Any]] = ssm.describe_activations(
        Filters=[{"FilterKey": key, "FilterValues": list(values)}]
    )["ActivationList"]
    return found


def find(ssm: Any, activation: str) -> dict[str, Any]:
    return listed(ssm, "ActivationIds", activation)[0]


def test_what_was_asked_for_is_told_and_handed_to_the_node(
    server: ServerProcess, ssm: Any, tmp_path: Path
) -> None:
    expires = (now() + timedelta(days=29)).replace(microsecond=0)
    made = ssm.create_activation(
        Description="A rack in the basement",
        DefaultInstanceName="basement",
        IamRole=ROLE,
        RegistrationLimit=2,
        ExpirationDate=expires,
        Tags=[{"Key": "floor", "Value": "-1"}],
        RegistrationMetadata=[{"Key": "by", "Value": "journey"}],
    )

    told = find(ssm, made["ActivationId"])

    assert 20 == len(made["ActivationCode"])
    assert {
        "ActivationId": made["ActivationId"],
        "Description": "A rack in the basement",
        "DefaultInstanceName": "basement",
        "IamRole": ROLE,
        "RegistrationLimit": 2,
        "RegistrationsCount": 0,
        "ExpirationDate": expires,
        "Expired": False,
        "Tags": [{"Key": "floor", "Value": "-1"}],
    } == {name: value for name, value in told.items() if name != "CreatedDate"}
    agent = AgentProcess(tmp_path / "agent")
    assert 0 == agent.register(server, made).returncode
    assert 1 == find(ssm, made["ActivationId"])["RegistrationsCount"]
    node = described(ssm, agent.node)
    assert ("basement", ROLE, made["ActivationId"]) == (
        node["Name"],
        node["IamRole"],
        node["ActivationId"],
    )
    tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=agent.node)
    assert [{"Key": "floor", "Value": "-1"}] == tags["TagList"]


def test_an_activation_is_for_one_machine_and_one_day_unless_told_otherwise(ssm: Any) -> None:
    made = ssm.create_activation(IamRole=ROLE)

    told = find(ssm, made["ActivationId"])

    assert 1 == told["RegistrationLimit"]
    assert timedelta(days=1) == told["ExpirationDate"] - told["CreatedDate"]


def test_the_code_is_never_told_again(ssm: Any) -> None:
    made = ssm.create_activation(IamRole=ROLE)

    assert made["ActivationCode"] not in str(find(ssm, made["ActivationId"]))


def test_activations_are_found_by_name_and_role(ssm: Any) -> None:
    made = [
        ssm.create_activation(IamRole=ROLE, DefaultInstanceName=name)["ActivationId"]
        for name in ("left-rack", "right-rack")
    ]

    assert made[:1] == [each["ActivationId"] for each in by_name(ssm, "left-rack")]
    assert made == [each["ActivationId"] for each in by_name(ssm, "left-rack", "right-rack")]
    assert set(made) <= {each["ActivationId"] for each in listed(ssm, "IamRole", ROLE)}
    assert [] == listed(ssm, "IamRole", "NobodysRole")


def by_name(ssm: Any, *names: str) -> list[dict[str, Any]]:
    return listed(ssm, "DefaultInstanceName", *names)


def test_pages_show_every_activation_once(ssm: Any) -> None:
    for _ in range(3):
        ssm.create_activation(IamRole=ROLE)

    pages = ssm.get_paginator("describe_activations").paginate(PaginationConfig={"PageSize": 2})
    found = [each["ActivationId"] for page in pages for each in page["ActivationList"]]

    assert len(found) == len(set(found))
    assert {each["ActivationId"] for each in listed(ssm, "IamRole", ROLE)} <= set(found)


def test_of_machines_that_race_for_the_last_place_one_gets_it(
    server: ServerProcess, ssm: Any, tmp_path: Path
) -> None:
    once = ssm.create_activation(IamRole=ROLE, RegistrationLimit=1)
    agents = [AgentProcess(tmp_path / name) for name in ("one", "two", "three")]

    with ThreadPoolExecutor() as several:
        done = list(several.map(lambda agent: agent.register(server, once), agents))

    assert [0, 1, 1] == sorted(each.returncode for each in done)
    assert 2 == sum("RegistrationLimitExceeded" in each.stderr for each in done)
    assert 1 == find(ssm, once["ActivationId"])["RegistrationsCount"]


def test_a_wrong_code_is_refused(server: ServerProcess, ssm: Any, tmp_path: Path) -> None:
    made = ssm.create_activation(IamRole=ROLE)
    wrong = {**made, "ActivationCode": "A" * 20}

    refused = AgentProcess(tmp_path / "agent").register(server, wrong)

    assert 1 == refused.returncode
    assert "InvalidActivation" in refused.stderr
    assert 0 == find(ssm, made["ActivationId"])["RegistrationsCount"]


def test_an_expired_activation_is_refused(server: ServerProcess, ssm: Any, tmp_path: Path) -> None:
    made = ssm.create_activation(IamRole=ROLE, ExpirationDate=now() + timedelta(seconds=1))
    eventually("its end", lambda: find(ssm, made["ActivationId"])["Expired"])

    refused = AgentProcess(tmp_path / "agent").register(server, made)

    assert 1 == refused.returncode
    assert "ActivationExpired" in refused.stderr


def test_a_deleted_activation_makes_no_nodes_and_ends_none(
    server: ServerProcess, ssm: Any, tmp_path: Path
) -> None:
    made = ssm.create_activation(IamRole=ROLE, RegistrationLimit=2)
    first = AgentProcess(tmp_path / "first")
    first.register(server, made)

    ssm.delete_activation(ActivationId=made["ActivationId"])

    assert [] == listed(ssm, "ActivationIds", made["ActivationId"])
    refused = AgentProcess(tmp_path / "second").register(server, made)
    assert "InvalidActivation" in refused.stderr
    assert first.node == described(ssm, first.node)["InstanceId"]
    with pytest.raises(ssm.exceptions.InvalidActivationId):
        ssm.delete_activation(ActivationId=made["ActivationId"])


def test_a_folder_that_has_a_node_keeps_it(server: ServerProcess, ssm: Any, tmp_path: Path) -> None:
    made = ssm.create_activation(IamRole=ROLE, RegistrationLimit=2)
    agent = AgentProcess(tmp_path / "agent")
    agent.register(server, made)

    again = agent.register(server, made)

    assert 1 == again.returncode
    assert agent.node in again.stderr
    assert 1 == find(ssm, made["ActivationId"])["RegistrationsCount"]


def refusals() -> Iterator[tuple[dict[str, Any], str, str]]:
    """What cannot be an activation, the error, and a part of its text."""
    yield {"IamRole": "NoSuchRole"}, "ValidationException", "Nonexistent role or missing ssm"
    yield {"IamRole": "service-role/X"}, "ValidationException", "'service-role/X' at 'iamRole'"
    yield {"IamRole": ROLE, "RegistrationLimit": 1001}, "ValidationException", "1000"
    yield (
        {"IamRole": ROLE, "ExpirationDate": datetime(2020, 1, 1, tzinfo=UTC)},
        ("ValidationException"),
        "future",
    )
    yield (
        {"IamRole": ROLE, "ExpirationDate": datetime(2099, 1, 1, tzinfo=UTC)},
        ("ValidationException"),
        "30 days",
    )
    yield {"IamRole": ROLE, "Tags": [{"Key": "aws:x", "Value": ""}]}, "ValidationException", "aws:"
    yield {}, "ValidationException", "at 'iamRole' failed to satisfy constraint: Member must not"


@pytest.mark.parametrize(("given", "code", "text"), list(refusals()))
def test_what_cannot_be_an_activation_is_refused(
    unchecked: Any, given: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(ClientError) as refused:
        unchecked.create_activation(**given)

    assert code == refused.value.response["Error"]["Code"]
    assert text in refused.value.response["Error"]["Message"]


def test_a_filter_of_activations_is_whole(unchecked: Any) -> None:
    for broken in ({"FilterKey": "ActivationIds"}, {"FilterValues": ["x"]}):
        with pytest.raises(ClientError, match="InvalidFilter"):
            unchecked.describe_activations(Filters=[broken])
