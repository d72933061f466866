"""Nodes by boto3: how they are listed, filtered, counted, changed and let go."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.journeys.commands import described
from tests.support.processes import AgentProcess, ServerProcess

NOBODY = "mi-00000000000000000"


def ids(found: list[dict[str, Any]], member: str = "InstanceId") -> set[str]:
    return {node[member] for node in found}


def informed(ssm: Any, key: str, *values: str) -> set[str]:
    """The nodes that DescribeInstanceInformation tells of under one filter."""
    pages = ssm.get_paginator("describe_instance_information").paginate(
        Filters=[{"Key": key, "Values": list(values)}]
    )
    return {node["InstanceId"] for page in pages for node in page["InstanceInformationList"]}


def test_a_node_is_described_by_what_it_reports(ssm: Any, fleet: list[str]) -> None:
    told = described(ssm, fleet[0])

    assert (
        "Online",
        "Linux",
        "ManagedInstance",
        "AWS::SSM::ManagedInstance",
        fleet[0],
        "OstlerManagedInstance",
    ) == (
        told["PingStatus"],
        told["PlatformType"],
        told["ResourceType"],
        told["SourceType"],
        told["SourceId"],
        told["IamRole"],
    )
    for member in ("AgentVersion", "ComputerName", "IPAddress", "PlatformName", "PlatformVersion"):
        assert told[member]
    assert told["RegistrationDate"] <= told["LastPingDateTime"]


def test_a_silent_node_is_told_as_lost(ssm: Any, silent: list[str]) -> None:
    told = described(ssm, silent[0])

    assert "ConnectionLost" == told["PingStatus"]
    assert "LastPingDateTime" not in told


def test_nodes_are_found_by_each_filter(ssm: Any, fleet: list[str], silent: list[str]) -> None:
    told = described(ssm, fleet[0])
    online, everybody = set(fleet), {*fleet, *silent}

    assert online <= informed(ssm, "PingStatus", "Online")
    assert set(silent) <= informed(ssm, "PingStatus", "ConnectionLost")
    assert not informed(ssm, "PingStatus", "ConnectionLost") & online
    assert everybody <= informed(ssm, "IamRole", "OstlerManagedInstance")
    assert everybody <= informed(ssm, "ResourceType", "ManagedInstance")
    assert set() == informed(ssm, "ResourceType", "EC2Instance")
    assert online <= informed(ssm, "PlatformTypes", "Linux")
    assert set() == informed(ssm, "PlatformTypes", "Windows", "MacOS")
    assert online <= informed(ssm, "AgentVersion", told["AgentVersion"])
    assert online == informed(ssm, "ActivationIds", told["ActivationId"])
    assert {silent[0]} == informed(ssm, "SourceIds", silent[0])
    assert online == informed(ssm, "tag:role", "fleet")
    assert everybody == informed(ssm, "tag:role", "fleet", "silent")
    assert everybody <= informed(ssm, "tag-key", "role")
    legacy = ssm.describe_instance_information(
        InstanceInformationFilterList=[{"key": "InstanceIds", "valueSet": fleet[:1]}]
    )
    assert {fleet[0]} == ids(legacy["InstanceInformationList"])


def test_a_filter_that_cannot_be_is_refused(ssm: Any, fleet: list[str]) -> None:
    describe = ssm.describe_instance_information
    tag, ping = {"Key": "tag:a", "Values": ["b"]}, {"Key": "PingStatus", "Values": ["Online"]}

    with pytest.raises(ssm.exceptions.InvalidFilterKey):
        describe(Filters=[{"Key": "Colour", "Values": ["red"]}])
    with pytest.raises(ssm.exceptions.InvalidInstanceInformationFilterValue):
        describe(Filters=[{"Key": "PingStatus", "Values": ["Sleepy"]}])
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        describe(Filters=[{"Key": "InstanceIds", "Values": [NOBODY]}])
    with pytest.raises(ClientError, match="Cannot mix tag or inventory filter"):
        describe(Filters=[tag, ping])
    with pytest.raises(ClientError, match="ValidationException"):
        describe(
            Filters=[ping],
            InstanceInformationFilterList=[{"key": "PingStatus", "valueSet": ["Online"]}],
        )


def test_pages_show_every_node_once(ssm: Any, fleet: list[str], silent: list[str]) -> None:
    few = {"PaginationConfig": {"PageSize": 5}}
    lists = {
        "describe_instance_information": ("InstanceInformationList", "InstanceId"),
        "describe_instance_properties": ("InstanceProperties", "InstanceId"),
        "list_nodes": ("Nodes", "Id"),
    }

    for operation, (member, named) in lists.items():
        pages = list(ssm.get_paginator(operation).paginate(**few))
        found = [node[named] for page in pages for node in page[member]]
        assert len(pages) > 1
        assert len(found) == len(set(found))
        assert {*fleet, *silent} <= set(found)


def test_properties_are_filtered_with_operators(
    ssm: Any, fleet: list[str], silent: list[str]
) -> None:
    def found(*filters: tuple[str, str, list[str]]) -> set[str]:
        pages = ssm.get_paginator("describe_instance_properties").paginate(
            FiltersWithOperator=[
                {"Key": key, "Operator": operator, "Values": values}
                for key, operator, values in filters
            ]
        )
        return {node["InstanceId"] for page in pages for node in page["InstanceProperties"]}

    version = described(ssm, fleet[0])["AgentVersion"]
    host = described(ssm, fleet[0])["ComputerName"]

    assert set(fleet) <= found(("ComputerName", "BeginWith", [host[:2]]))
    assert set(fleet) <= found(("AgentVersion", "GreaterThan", ["0.0.0.1"]))
    assert not found(("AgentVersion", "LessThan", [version])) & set(fleet)
    assert set(silent) <= found(("PingStatus", "NotEqual", ["Online"]))
    assert {fleet[0]} == found(
        ("InstanceIds", "Equal", [fleet[0], silent[0]]), ("PingStatus", "Equal", ["Online"])
    )
    assert set(fleet) == found(
        ("tag:role", "Equal", ["fleet"]), ("PlatformTypes", "Equal", ["Linux"])
    )
    with pytest.raises(ssm.exceptions.InvalidInstancePropertyFilterValue):
        found(("PingStatus", "LessThan", ["Online"]))


def test_properties_show_a_name_given_by_tag(ssm: Any, silent: list[str]) -> None:
    ssm.add_tags_to_resource(
        ResourceType="ManagedInstance",
        ResourceId=silent[0],
        Tags=[{"Key": "Name", "Value": "the quiet one"}],
    )

    [told] = ssm.describe_instance_properties(
        InstancePropertyFilterList=[{"key": "InstanceIds", "valueSet": silent[:1]}]
    )["InstanceProperties"]

    assert "the quiet one" == told["Name"]
    ssm.remove_tags_from_resource(
        ResourceType="ManagedInstance", ResourceId=silent[0], TagKeys=["Name"]
    )


def test_nodes_are_listed_with_owner_and_type(ssm: Any, fleet: list[str]) -> None:
    [told] = ssm.list_nodes(Filters=[{"Key": "InstanceId", "Values": fleet[:1]}])["Nodes"]

    instance = told["NodeType"]["Instance"]
    assert ("us-east-1", "Active", "Managed", "Linux", "ManagedInstance") == (
        told["Region"],
        instance["InstanceStatus"],
        instance["ManagedStatus"],
        instance["PlatformType"],
        instance["ResourceType"],
    )
    assert 12 == len(told["Owner"]["AccountId"])
    assert instance["AgentType"]


@pytest.mark.parametrize(
    ("key", "operator", "values", "fits"),
    [
        ("InstanceStatus", "Equal", ["Active"], True),
        ("InstanceStatus", "NotEqual", ["Active"], False),
        ("PlatformType", "Equal", ["Linux"], True),
        ("PlatformType", "Equal", ["Windows"], False),
        ("Region", "BeginWith", ["us-"], True),
        ("Region", "Equal", ["eu-west-1"], False),
        ("ManagedStatus", "Equal", ["All"], True),
        ("ManagedStatus", "Equal", ["Unmanaged"], False),
        ("SourceType", "Equal", ["AWS::SSM::ManagedInstance"], True),
        ("OrganizationalUnitId", "Equal", ["ou-1"], False),
    ],
)
def test_lists_of_nodes_are_filtered(
    ssm: Any, fleet: list[str], key: str, operator: str, values: list[str], fits: bool
) -> None:
    filters = [
        {"Key": key, "Values": values, "Type": operator},
        {"Key": "InstanceId", "Values": fleet},
    ]

    found = ids(ssm.list_nodes(Filters=filters)["Nodes"], "Id")

    assert (set(fleet) if fits else set()) == found


def test_nodes_are_counted_by_one_attribute_within_another(
    ssm: Any, fleet: list[str], silent: list[str]
) -> None:
    told = described(ssm, fleet[0])
    inner = {
        "AggregatorType": "Count",
        "TypeName": "Instance",
        "AttributeName": "PlatformName",
    }
    by = [{**inner, "AttributeName": "PlatformType", "Aggregators": [inner]}]
    theirs = [{"Key": "InstanceId", "Values": fleet}]

    counted = ssm.list_nodes_summary(Aggregators=by, Filters=theirs)["Summary"]

    assert [
        {"Count": "3", "PlatformType": "Linux", "PlatformName": told["PlatformName"]}
    ] == counted
    everybody = ssm.get_paginator("list_nodes_summary").paginate(
        Aggregators=[{**inner, "AttributeName": "ResourceType"}]
    )
    [row] = [row for page in everybody for row in page["Summary"]]
    assert "ManagedInstance" == row["ResourceType"]
    assert int(row["Count"]) >= 6


def test_there_are_no_data_syncs_yet(ssm: Any) -> None:
    with pytest.raises(ssm.exceptions.ResourceDataSyncNotFoundException):
        ssm.list_nodes(SyncName="everywhere")


def test_a_node_gets_another_role(server: ServerProcess, ssm: Any, silent: list[str]) -> None:
    server.admin("role", "create", "OtherNodes")

    ssm.update_managed_instance_role(InstanceId=silent[1], IamRole="OtherNodes")

    assert "OtherNodes" == described(ssm, silent[1])["IamRole"]
    assert {silent[1]} == informed(ssm, "IamRole", "OtherNodes")
    with pytest.raises(ClientError, match="Nonexistent role"):
        ssm.update_managed_instance_role(InstanceId=silent[1], IamRole="NobodysRole")
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        ssm.update_managed_instance_role(InstanceId=NOBODY, IamRole="OtherNodes")


def test_a_deregistered_node_is_gone(
    server: ServerProcess, ssm: Any, new_agents: Callable[..., list[AgentProcess]]
) -> None:
    [agent] = new_agents(role="leaving")

    ssm.deregister_managed_instance(InstanceId=agent.node)

    assert set() == informed(ssm, "tag:role", "leaving")
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        described(ssm, agent.node)
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        ssm.deregister_managed_instance(InstanceId=agent.node)
    with pytest.raises(ssm.exceptions.InvalidInstanceId) as refused:
        ssm.send_command(
            DocumentName="AWS-RunShellScript",
            InstanceIds=[agent.node],
            Parameters={"commands": ["true"]},
        )
    assert f"Instances [[{agent.node}]] not in a valid state for account" in str(refused.value)


def test_another_region_has_nodes_of_its_own(server: ServerProcess, fleet: list[str]) -> None:
    elsewhere = server.client(region_name="eu-central-1")

    assert [] == elsewhere.describe_instance_information()["InstanceInformationList"]
    assert [] == elsewhere.list_nodes()["Nodes"]
    assert [] == elsewhere.list_commands()["Commands"]
