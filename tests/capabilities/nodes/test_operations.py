"""The fleet's lists and summaries, in AWS's four ways."""

from datetime import timedelta
from typing import Any

import pytest

from ostler.capabilities.nodes.errors import (
    InvalidAggregatorException,
    InvalidFilter,
    InvalidFilterKey,
    InvalidInstanceId,
    InvalidInstanceInformationFilterValue,
    ResourceDataSyncNotFoundException,
)
from ostler.foundation.errors import InvalidNextToken, ValidationException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from tests.capabilities.nodes.fleets import Fleet, on_both_engines


async def a_mixed_fleet(fleet: Fleet, scope: Scope) -> dict[str, NodeId]:
    """Three nodes: `web` and `db` report, `old` did so twenty minutes ago."""
    web = await fleet.node(
        scope, 0, DefaultInstanceName="web", Tags=[{"Key": "role", "Value": "web"}]
    )
    db = await fleet.node(scope, 1, IamRole="Other", Tags=[{"Key": "role", "Value": "db"}])
    old = await fleet.node(scope, 2, Tags=[{"Key": "owner", "Value": "ops"}])
    await fleet.beat(
        scope,
        old,
        AgentVersion="3.3.1142.0",
        PlatformType="Windows",
        PlatformName="Microsoft Windows Server 2022 Standard",
        PlatformVersion="10.0.20348",
        ComputerName="old.example",
    )
    await fleet.clock.advance(timedelta(minutes=20))
    await fleet.beat(scope, web)
    await fleet.beat(scope, db, AgentName="ostler-agent", AgentVersion="0.1.0", ComputerName="db")
    return {"web": web, "db": db, "old": old}


@on_both_engines
async def test_a_node_is_shown_as_it_says_it_is(fleet: Fleet, scope: Scope) -> None:
    permit = await fleet.activation(scope, DefaultInstanceName="web")
    registered = fleet.clock.now()
    node = await fleet.node(scope, 0, DefaultInstanceName="web")
    await fleet.clock.advance(timedelta(minutes=1))
    await fleet.beat(scope, node)

    listed = await fleet.customer(scope).ask("DescribeInstanceInformation")

    shown = listed["InstanceInformationList"][0]
    assert permit["ActivationId"] != shown.pop("ActivationId")
    assert {
        "AgentVersion": "3.3.859.0",
        "ComputerName": "web.example",
        "IPAddress": "192.0.2.1",
        "IamRole": "Fleet",
        "InstanceId": node,
        "IsLatestVersion": False,
        "LastPingDateTime": fleet.clock.now(),
        "Name": "web",
        "PingStatus": "Online",
        "PlatformName": "Debian GNU/Linux",
        "PlatformType": "Linux",
        "PlatformVersion": "12",
        "RegistrationDate": registered,
        "ResourceType": "ManagedInstance",
        "SourceId": node,
        "SourceType": "AWS::SSM::ManagedInstance",
    } == shown


async def test_a_node_that_never_reported_shows_what_is_known(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)

    shown = (await fleet.customer(scope).ask("DescribeInstanceInformation"))[
        "InstanceInformationList"
    ][0]

    assert (node, "ConnectionLost") == (shown["InstanceId"], shown["PingStatus"])
    assert not {"LastPingDateTime", "AgentVersion", "PlatformType", "Name"} & set(shown)


INFORMATION: list[tuple[str, list[str], set[str]]] = [
    ("InstanceIds", ["web", "old"], {"web", "old"}),
    ("AgentVersion", ["3.3.859.0"], {"web"}),
    ("PingStatus", ["Online"], {"web", "db"}),
    ("PingStatus", ["ConnectionLost", "Inactive"], {"old"}),
    ("PlatformTypes", ["Windows"], {"old"}),
    ("PlatformTypes", ["Linux", "MacOS"], {"web", "db"}),
    ("IamRole", ["Other"], {"db"}),
    ("ActivationIds", ["activation of web"], {"web"}),
    ("ResourceType", ["ManagedInstance"], {"web", "db", "old"}),
    ("ResourceType", ["EC2Instance"], set()),
    ("AssociationStatus", ["Failed"], set()),
]


@on_both_engines
async def test_information_is_filtered(fleet: Fleet, scope: Scope) -> None:
    named = await a_mixed_fleet(fleet, scope)
    customer = fleet.customer(scope)
    for key, spoken, expected in INFORMATION:
        values = [await meant(fleet, scope, named, value) for value in spoken]
        for given in (
            {"InstanceInformationFilterList": [{"key": key, "valueSet": values}]},
            {"Filters": [{"Key": key, "Values": values}]},
        ):
            listed = await customer.ask("DescribeInstanceInformation", **given)

            found = names(named, listed["InstanceInformationList"], "InstanceId")
            assert expected == found, (key, spoken)


TAGS_AND_SOURCES: list[tuple[list[tuple[str, list[str]]], set[str]]] = [
    ([("tag:role", ["web", "db"])], {"web", "db"}),
    ([("tag:role", ["mail"])], set()),
    ([("tag-key", ["owner", "team"])], {"old"}),
    ([("tag-key", ["role"]), ("tag:role", ["db"])], {"db"}),
    ([("SourceIds", ["web"])], {"web"}),
    ([("SourceTypes", ["AWS::SSM::ManagedInstance"])], {"web", "db", "old"}),
    ([("PingStatus", ["Online"]), ("IamRole", ["Fleet"])], {"web"}),
]


@on_both_engines
async def test_information_is_filtered_by_tags_and_sources(fleet: Fleet, scope: Scope) -> None:
    named = await a_mixed_fleet(fleet, scope)
    for filters, expected in TAGS_AND_SOURCES:
        spoken = [
            {
                "Key": key,
                "Values": [named[each] for each in values] if key == "SourceIds" else values,
            }
            for key, values in filters
        ]

        listed = await fleet.customer(scope).ask("DescribeInstanceInformation", Filters=spoken)

        found = names(named, listed["InstanceInformationList"], "InstanceId")
        assert expected == found, filters


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            {
                "Filters": [{"Key": "IamRole", "Values": ["a"]}],
                "InstanceInformationFilterList": [{"key": "IamRole", "valueSet": ["a"]}],
            },
            ValidationException,
        ),
        (
            {
                "Filters": [
                    {"Key": "IamRole", "Values": ["a"]},
                    {"Key": "tag:role", "Values": ["a"]},
                ]
            },
            ValidationException,
        ),
        ({"Filters": [{"Key": "Colour", "Values": ["a"]}]}, InvalidFilterKey),
        (
            {"Filters": [{"Key": "PingStatus", "Values": ["Away"]}]},
            InvalidInstanceInformationFilterValue,
        ),
        ({"Filters": [{"Key": "InstanceIds", "Values": ["mi-" + "0" * 17]}]}, InvalidInstanceId),
        ({"NextToken": "from somewhere else"}, InvalidNextToken),
    ],
)
async def test_impossible_questions_are_refused(
    fleet: Fleet, scope: Scope, given: Any, fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        await fleet.customer(scope).ask("DescribeInstanceInformation", **given)


async def test_a_foreign_id_is_unknown(fleet: Fleet, scope: Scope, other_scope: Scope) -> None:
    node = await fleet.node(scope, 0)

    for given in (
        {"Filters": [{"Key": "InstanceIds", "Values": [node]}]},
        {"InstanceInformationFilterList": [{"key": "InstanceIds", "valueSet": [node]}]},
    ):
        with pytest.raises(InvalidInstanceId, match=node):
            await fleet.customer(other_scope).ask("DescribeInstanceInformation", **given)


@on_both_engines
async def test_information_comes_in_pages(fleet: Fleet, scope: Scope) -> None:
    made = sorted([await fleet.node(scope, number) for number in range(12)])
    customer = fleet.customer(scope)

    five = await customer.every(
        "DescribeInstanceInformation", "InstanceInformationList", MaxResults=5
    )
    ten = await customer.every("DescribeInstanceInformation", "InstanceInformationList")

    assert [5, 5, 2] == [len(page) for page in five]
    assert [10, 2] == [len(page) for page in ten]
    assert made == [each["InstanceId"] for page in five for each in page]


async def test_a_token_is_good_for_its_own_question(fleet: Fleet, scope: Scope) -> None:
    for number in range(6):
        await fleet.node(scope, number)
    customer = fleet.customer(scope)
    first = await customer.ask("DescribeInstanceInformation", MaxResults=5)

    with pytest.raises(InvalidNextToken):
        await customer.ask(
            "DescribeInstanceInformation",
            NextToken=first["NextToken"],
            Filters=[{"Key": "IamRole", "Values": ["Fleet"]}],
        )


@on_both_engines
async def test_properties_show_the_name_tag(fleet: Fleet, scope: Scope) -> None:
    named = await a_mixed_fleet(fleet, scope)
    customer = fleet.customer(scope)
    await customer.ask(
        "AddTagsToResource",
        ResourceType="ManagedInstance",
        ResourceId=named["db"],
        Tags=[{"Key": "Name", "Value": "the database"}],
    )

    listed = await customer.ask("DescribeInstanceProperties")

    shown = {each["InstanceId"]: each for each in listed["InstanceProperties"]}
    assert "the database" == shown[named["db"]]["Name"]
    assert "web" == shown[named["web"]]["Name"]
    assert "Name" not in shown[named["old"]]
    assert {
        "ActivationId": shown[named["web"]]["ActivationId"],
        "AgentVersion": "3.3.859.0",
        "ComputerName": "web.example",
        "IPAddress": "192.0.2.1",
        "IamRole": "Fleet",
        "InstanceId": named["web"],
        "LastPingDateTime": fleet.clock.now(),
        "Name": "web",
        "PingStatus": "Online",
        "PlatformName": "Debian GNU/Linux",
        "PlatformType": "Linux",
        "PlatformVersion": "12",
        "RegistrationDate": shown[named["web"]]["RegistrationDate"],
        "ResourceType": "ManagedInstance",
        "SourceId": named["web"],
        "SourceType": "AWS::SSM::ManagedInstance",
    } == shown[named["web"]]


PROPERTIES: list[tuple[str, str, list[str], set[str]]] = [
    ("AgentVersion", "LessThan", ["3.3.1000.0"], {"web", "db"}),
    ("AgentVersion", "GreaterThan", ["3.3.1000.0"], {"old"}),
    ("AgentVersion", "BeginWith", ["3.3."], {"web", "old"}),
    ("PlatformVersion", "GreaterThan", ["10.1"], {"web", "db"}),
    ("PingStatus", "NotEqual", ["Online"], {"old"}),
    ("InstanceIds", "NotEqual", ["web"], {"db", "old"}),
    ("ComputerName", "BeginWith", ["WEB"], set()),
    ("ComputerName", "BeginWith", ["web", "old"], {"web", "old"}),
    ("ComputerName", "Equal", ["db"], {"db"}),
    ("PlatformName", "Equal", ["Debian GNU/Linux"], {"web", "db"}),
    ("IPAddress", "BeginWith", ["192.0.2."], {"web", "db", "old"}),
    ("tag:role", "Equal", ["db"], {"db"}),
    ("DocumentName", "Equal", ["AWS-RunShellScript"], set()),
]


@on_both_engines
async def test_properties_are_filtered_with_operators(fleet: Fleet, scope: Scope) -> None:
    named = await a_mixed_fleet(fleet, scope)
    for key, operator, spoken, expected in PROPERTIES:
        values = [named[each] for each in spoken] if key == "InstanceIds" else spoken

        listed = await fleet.customer(scope).ask(
            "DescribeInstanceProperties",
            FiltersWithOperator=[{"Key": key, "Values": values, "Operator": operator}],
        )

        found = names(named, listed["InstanceProperties"], "InstanceId")
        assert expected == found, (key, operator, spoken)


async def test_both_members_of_property_filters_must_hold(fleet: Fleet, scope: Scope) -> None:
    named = await a_mixed_fleet(fleet, scope)

    listed = await fleet.customer(scope).ask(
        "DescribeInstanceProperties",
        InstancePropertyFilterList=[{"key": "PingStatus", "valueSet": ["Online"]}],
        FiltersWithOperator=[{"Key": "IamRole", "Values": ["Other"], "Operator": "NotEqual"}],
        MaxResults=5,
    )

    assert {"web"} == names(named, listed["InstanceProperties"], "InstanceId")


@on_both_engines
async def test_nodes_are_listed(fleet: Fleet, scope: Scope) -> None:
    named = await a_mixed_fleet(fleet, scope)

    listed = await fleet.customer(scope).ask(
        "ListNodes", Filters=[{"Key": "InstanceId", "Values": [named["web"]]}]
    )

    assert [
        {
            "CaptureTime": fleet.clock.now(),
            "Id": named["web"],
            "Owner": {"AccountId": scope.account},
            "Region": scope.region,
            "NodeType": {
                "Instance": {
                    "AgentType": "amazon-ssm-agent",
                    "AgentVersion": "3.3.859.0",
                    "ComputerName": "web.example",
                    "InstanceStatus": "Active",
                    "IpAddress": "192.0.2.1",
                    "ManagedStatus": "Managed",
                    "Name": "web",
                    "PlatformName": "Debian GNU/Linux",
                    "PlatformType": "Linux",
                    "PlatformVersion": "12",
                    "ResourceType": "ManagedInstance",
                    "SourceId": named["web"],
                    "SourceType": "AWS::SSM::ManagedInstance",
                }
            },
        }
    ] == listed["Nodes"]


EVERY = {"web", "db", "old"}


LISTED: list[tuple[str, str, list[str], set[str]]] = [
    ("AgentType", "Equal", ["ostler-agent"], {"db"}),
    ("AgentVersion", "BeginWith", ["3.3"], {"web", "old"}),
    ("ComputerName", "NotEqual", ["db"], {"web", "old"}),
    ("InstanceId", "Equal", ["mi-00000000000000000"], set()),
    ("InstanceStatus", "Equal", ["Active"], {"web", "db"}),
    ("InstanceStatus", "Equal", ["ConnectionLost"], {"old"}),
    ("IpAddress", "Equal", ["192.0.2.1"], EVERY),
    ("ManagedStatus", "Equal", ["All"], EVERY),
    ("ManagedStatus", "Equal", ["Managed"], EVERY),
    ("ManagedStatus", "Equal", ["Unmanaged"], set()),
    ("PlatformName", "BeginWith", ["Microsoft"], {"old"}),
    ("PlatformType", "Equal", ["Linux"], {"web", "db"}),
    ("PlatformVersion", "Equal", ["12"], {"web", "db"}),
    ("ResourceType", "Equal", ["ManagedInstance"], EVERY),
    ("ResourceType", "NotEqual", ["EC2Instance"], EVERY),
    ("OrganizationalUnitId", "Equal", ["ou-1234-12345678"], set()),
    ("OrganizationalUnitPath", "BeginWith", ["o-"], set()),
    ("Region", "Equal", ["eu-west-1"], EVERY),
    ("Region", "Equal", ["elsewhere"], set()),
    ("AccountId", "Equal", ["111122223333"], EVERY),
    ("AccountId", "NotEqual", ["111122223333"], set()),
    ("SourceType", "BeginWith", ["AWS::SSM"], EVERY),
    ("SourceId", "BeginWith", ["mi-"], EVERY),
    ("SourceLocation", "Equal", ["westeurope"], set()),
    ("AvailabilityZone", "Equal", [""], EVERY),
    ("AvailabilityZoneId", "Equal", ["euw1-az1"], set()),
]


@on_both_engines
async def test_listed_nodes_are_filtered(fleet: Fleet, scope: Scope) -> None:
    named = await a_mixed_fleet(fleet, scope)
    for key, operator, values, expected in LISTED:
        listed = await fleet.customer(scope).ask(
            "ListNodes", Filters=[{"Key": key, "Values": values, "Type": operator}]
        )

        assert expected == names(named, listed["Nodes"], "Id"), (key, operator, values)


async def test_impossible_listings_are_refused(fleet: Fleet, scope: Scope) -> None:
    customer = fleet.customer(scope)

    with pytest.raises(InvalidFilter):
        await customer.ask("ListNodes", Filters=[{"Key": "ManagedStatus", "Values": ["Half"]}])
    with pytest.raises(ResourceDataSyncNotFoundException):
        await customer.ask("ListNodes", SyncName="AWS-QuickSetup-ManagedNode")
    with pytest.raises(ResourceDataSyncNotFoundException):
        await customer.ask(
            "ListNodesSummary", SyncName="mine", Aggregators=[counting("PlatformType")]
        )
    with pytest.raises(InvalidAggregatorException):
        await customer.ask("ListNodesSummary", Aggregators=[counting("Region", counting("Region"))])


async def test_nodes_come_in_pages(fleet: Fleet, scope: Scope) -> None:
    made = sorted([await fleet.node(scope, number) for number in range(5)])

    pages = await fleet.customer(scope).every("ListNodes", "Nodes", MaxResults=2)

    assert [2, 2, 1] == [len(page) for page in pages]
    assert made == [each["Id"] for page in pages for each in page]


@on_both_engines
async def test_a_summary_counts_by_each_aggregator(fleet: Fleet, scope: Scope) -> None:
    await a_mixed_fleet(fleet, scope)
    aggregators = [
        counting("PlatformType"),
        counting("ResourceType", counting("PlatformName"), counting("Region")),
    ]
    expected = [
        {"Count": "2", "PlatformType": "Linux"},
        {"Count": "1", "PlatformType": "Windows"},
        {"Count": "2", "ResourceType": "ManagedInstance", "PlatformName": "Debian GNU/Linux"},
        {
            "Count": "1",
            "ResourceType": "ManagedInstance",
            "PlatformName": "Microsoft Windows Server 2022 Standard",
        },
        {"Count": "3", "ResourceType": "ManagedInstance", "Region": "eu-west-1"},
    ]
    customer = fleet.customer(scope)

    whole = await customer.ask("ListNodesSummary", Aggregators=aggregators)
    pages = await customer.every(
        "ListNodesSummary", "Summary", Aggregators=aggregators, MaxResults=2
    )

    assert expected == whole["Summary"]
    assert [2, 2, 1] == [len(page) for page in pages]
    assert expected == [line for page in pages for line in page]


@on_both_engines
async def test_a_summary_counts_what_passes_the_filters(fleet: Fleet, scope: Scope) -> None:
    await a_mixed_fleet(fleet, scope)

    counted = await fleet.customer(scope).ask(
        "ListNodesSummary",
        Aggregators=[counting(name) for name in ("AgentVersion", "SourceType")],
        Filters=[{"Key": "InstanceStatus", "Values": ["Active"]}],
    )

    assert [
        {"Count": "1", "AgentVersion": "0.1.0"},
        {"Count": "1", "AgentVersion": "3.3.859.0"},
        {"Count": "2", "SourceType": "AWS::SSM::ManagedInstance"},
    ] == counted["Summary"]


def counting(attribute: str, *within: Any) -> dict[str, Any]:
    aggregator = {
        "AggregatorType": "Count",
        "TypeName": "Instance",
        "AttributeName": attribute,
    }
    return {**aggregator, "Aggregators": list(within)} if within else aggregator


def names(named: dict[str, NodeId], listed: Any, member: str) -> set[str]:
    ids = {each[member] for each in listed}
    return {name for name, node in named.items() if node in ids}


async def meant(fleet: Fleet, scope: Scope, named: dict[str, NodeId], value: str) -> str:
    if value == "activation of web":
        listed = await fleet.customer(scope).ask("DescribeInstanceInformation")
        return next(
            str(each["ActivationId"])
            for each in listed["InstanceInformationList"]
            if each["InstanceId"] == named["web"]
        )
    return named.get(value, value)
