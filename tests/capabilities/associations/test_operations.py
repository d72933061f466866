"""State Manager's part of the API: what is answered, and what is refused, in AWS's words."""

import tomllib
from pathlib import Path

import pytest

from ostler.foundation.errors import ApiError
from tests.capabilities.associations.world import SHELL, a_document
from tests.support.calls import allowing

CASES = Path(__file__).parent.parent.parent / "cases/associations"
REFUSED = tomllib.loads((CASES / "refused.toml").read_text())["case"]

UNKNOWN = "00000000-0000-4000-8000-000000000000"
EVERYTHING = {
    "Name": SHELL,
    "DocumentVersion": "1",
    "Parameters": {"commands": ["true", "false"]},
    "Targets": [{"Key": "tag:role", "Values": ["web", "db"]}],
    "ScheduleExpression": "cron(30 23 ? * TUE#3 *)",
    "ScheduleOffset": 2,
    "ApplyOnlyAtCronInterval": True,
    "Duration": 3,
    "OutputLocation": {
        "S3Location": {
            "OutputS3Region": "eu-west-1",
            "OutputS3BucketName": "logs",
            "OutputS3KeyPrefix": "a/b",
        }
    },
    "AssociationName": "Everything",
    "MaxErrors": "10%",
    "MaxConcurrency": "5",
    "ComplianceSeverity": "CRITICAL",
    "SyncCompliance": "MANUAL",
    "CalendarNames": ["arn:aws:ssm:eu-west-1:111122223333:document/Freeze"],
    "AlarmConfiguration": {"IgnorePollAlarmFailure": True, "Alarms": [{"Name": "Fire"}]},
    "AssociationDispatchAssumeRole": "arn:aws:iam::111122223333:role/Fleet",
}


@pytest.fixture
def engine():
    return "sqlite"


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["about"])
async def test_what_cannot_be_had_is_refused_and_changes_nothing(world, case):
    await world.ask("CreateDocument", Name="Mine", Content=a_document(), DocumentType="Command")
    given = {
        "Name": "Mine",
        "Targets": [{"Key": "InstanceIds", "Values": ["*"]}],
        **case["given"],
    }
    given = {name: value for name, value in given.items() if value != ""}
    with pytest.raises(ApiError) as refused:
        await world.ask("CreateAssociation", **given)

    assert case["code"] == refused.value.code
    assert case.get("message", "") in refused.value.message
    assert [] == (await world.ask("ListAssociations"))["Associations"]


async def test_everything_that_is_asked_for_is_shown(world):
    await world.fleet.open(world.scope)
    made = (await world.ask("CreateAssociation", **EVERYTHING))["AssociationDescription"]
    shown = await world.describe(made["AssociationId"])
    [version] = (await world.ask("ListAssociationVersions", AssociationId=made["AssociationId"]))[
        "AssociationVersions"
    ]

    assert EVERYTHING == {name: made.get(name) for name in EVERYTHING}
    assert made == shown
    kept = {name: value for name, value in EVERYTHING.items() if name != "AlarmConfiguration"}
    assert kept == {name: version.get(name) for name in kept}


async def test_an_update_is_the_whole_truth(world):
    """What it leaves out is erased, save for the document and the targets."""
    await world.fleet.open(world.scope)
    association = await world.associate(**EVERYTHING)
    await world.ask(
        "UpdateAssociation", AssociationId=association, Parameters={"commands": ["true"]}
    )
    shown = await world.describe(association)
    first = (
        await world.ask("DescribeAssociation", AssociationId=association, AssociationVersion="1")
    )["AssociationDescription"]

    left = {"Name", "Targets", "Parameters", "DocumentVersion", "ApplyOnlyAtCronInterval"}
    assert left == set(EVERYTHING) & set(shown)
    assert "$DEFAULT" == shown["DocumentVersion"]
    assert not shown["ApplyOnlyAtCronInterval"]
    assert "2" == shown["AssociationVersion"]
    assert EVERYTHING["ScheduleExpression"] == first["ScheduleExpression"]


async def test_an_update_runs_at_once(world):
    [node] = await world.enrol()
    association = await world.associate()
    await world.run(node, association)
    before = (await world.listed(node))[association]["Checksum"]
    await world.ask(
        "UpdateAssociation", AssociationId=association, Parameters={"commands": ["false"]}
    )

    assert [association] == await world.to_run(node)
    assert before != (await world.listed(node))[association]["Checksum"]


async def test_an_update_of_an_earlier_version_is_refused(world):
    association = await world.associate()
    given = {"AssociationId": association, "Parameters": {"commands": ["true"]}}
    await world.ask("UpdateAssociation", AssociationVersion="1", **given)
    with pytest.raises(ApiError) as refused:
        await world.ask("UpdateAssociation", AssociationVersion="1", **given)

    assert "InvalidAssociationVersion" == refused.value.code


async def test_whoever_updates_must_be_allowed_to_describe(world):
    association = await world.associate()
    with pytest.raises(ApiError) as refused:
        await world.ask(
            "UpdateAssociation",
            allowing(["ssm:UpdateAssociation"]),
            AssociationId=association,
            Parameters={"commands": ["true"]},
        )

    assert "AccessDeniedException" == refused.value.code
    assert "ssm:DescribeAssociation" in refused.value.message


async def test_an_association_of_one_node_as_it_was_once_made(world):
    [node] = await world.enrol()
    await world.associate(InstanceId=node)
    named = {"Name": SHELL, "InstanceId": node}
    shown = (await world.ask("DescribeAssociation", **named))["AssociationDescription"]
    with pytest.raises(ApiError) as again:
        await world.associate(InstanceId=node)
    status = {"Date": world.clock.now(), "Name": "Success", "Message": "done"}
    told = await world.ask("UpdateAssociationStatus", AssociationStatus=status, **named)
    with pytest.raises(ApiError) as unchanged:
        await world.ask("UpdateAssociationStatus", AssociationStatus=status, **named)
    await world.ask("DeleteAssociation", **named)
    with pytest.raises(ApiError) as gone:
        await world.ask("DescribeAssociation", **named)

    assert node == shown["InstanceId"]
    assert "Associated" == shown["Status"]["Name"]
    assert status == told["AssociationDescription"]["Status"]
    assert ["AssociationAlreadyExists", "StatusUnchanged", "AssociationDoesNotExist"] == [
        one.value.code for one in (again, unchanged, gone)
    ]


async def test_of_many_those_are_made_that_can_be(world):
    [node] = await world.enrol()
    good = {"Name": SHELL, "InstanceId": node, "Parameters": {"commands": ["true"]}}
    bad = {"Name": "Nothing", "InstanceId": node}
    late = {**good, "ScheduleExpression": "rate(1 minute)"}
    answer = await world.ask("CreateAssociationBatch", Entries=[good, bad, late, good])

    assert [node] == [one["InstanceId"] for one in answer["Successful"]]
    assert [bad, late, good] == [one["Entry"] for one in answer["Failed"]]
    assert ["InvalidDocument", "InvalidSchedule", "AssociationAlreadyExists"] == [
        one["Message"].partition(":")[0] for one in answer["Failed"]
    ]
    assert {"Client"} == {one["Fault"] for one in answer["Failed"]}


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("AssociationName", "One", ["One"]),
        ("Name", "Mine", ["Two"]),
        ("AssociationStatusName", "Success", ["One"]),
        ("AssociationStatusName", "Pending", ["Two"]),
        ("LastExecutedAfter", "2020-01-01T00:00:00Z", ["One"]),
        ("LastExecutedBefore", "2020-01-01T00:00:00Z", []),
        ("ResourceGroupName", "any", []),
    ],
)
async def test_lists_are_filtered(world, key, value, found):
    [node] = await world.enrol()
    await world.ask("CreateDocument", Name="Mine", Content=a_document(), DocumentType="Command")
    one = await world.associate(AssociationName="One")
    await world.associate(Name="Mine", AssociationName="Two")
    await world.run(node, one)
    filters = [{"key": key, "value": value}, {"key": "InstanceId", "value": node}]
    answer = await world.ask("ListAssociations", AssociationFilterList=filters)

    assert found == [each["AssociationName"] for each in answer["Associations"]]


async def test_history_is_filtered(world):
    one, two = await world.enrol(2)
    association = await world.associate()
    await world.run(one, association)
    await world.run(two, association, "Failed", code="ExecutionError")
    await world.ask("StartAssociationsOnce", AssociationIds=[association])
    newest, oldest = await world.executions(association)

    async def found(key: str, value: str, relation: str) -> list[str]:
        answer = await world.ask(
            "DescribeAssociationExecutions",
            AssociationId=association,
            Filters=[{"Key": key, "Value": value, "Type": relation}],
        )
        return [each["ExecutionId"] for each in answer["AssociationExecutions"]]

    targets = await world.ask(
        "DescribeAssociationExecutionTargets",
        AssociationId=association,
        ExecutionId=oldest["ExecutionId"],
        Filters=[{"Key": "Status", "Value": "Failed"}],
    )
    assert "{Failed=1, Success=1}" == oldest["ResourceCountByStatus"]
    assert [oldest["ExecutionId"]] == await found("Status", "Failed", "EQUAL")
    assert [newest["ExecutionId"]] == await found("ExecutionId", newest["ExecutionId"], "EQUAL")
    assert [oldest["ExecutionId"]] == await found(
        "CreatedTime", newest["CreatedTime"].isoformat(), "LESS_THAN"
    )
    assert [two] == [each["ResourceId"] for each in targets["AssociationExecutionTargets"]]


async def test_history_ends(world):
    [node] = await world.enrol()
    association = await world.associate(ScheduleExpression="rate(7 days)")
    for _ in range(8):
        await world.run(node, association)
        await world.pass_time(days=7)

    assert 6 >= len(await world.executions(association))


@pytest.mark.parametrize(
    ("operation", "given", "code"),
    [
        ("DescribeAssociation", {"AssociationId": UNKNOWN}, "AssociationDoesNotExist"),
        ("DeleteAssociation", {"AssociationId": UNKNOWN}, "AssociationDoesNotExist"),
        ("UpdateAssociation", {"AssociationId": UNKNOWN}, "AssociationDoesNotExist"),
        ("ListAssociationVersions", {"AssociationId": UNKNOWN}, "AssociationDoesNotExist"),
        ("StartAssociationsOnce", {"AssociationIds": [UNKNOWN]}, "AssociationDoesNotExist"),
        ("DescribeAssociationExecutions", {"AssociationId": UNKNOWN}, "AssociationDoesNotExist"),
        ("DescribeAssociation", {}, "AssociationDoesNotExist"),
        (
            "DescribeInstanceAssociationsStatus",
            {"InstanceId": "mi-00000000000000000"},
            "InvalidInstanceId",
        ),
    ],
)
async def test_what_there_is_not_is_told_so(world, operation, given, code):
    with pytest.raises(ApiError) as refused:
        await world.ask(operation, **given)

    assert code == refused.value.code


async def test_what_there_is_not_is_named_in_aws_words(world):
    with pytest.raises(ApiError) as refused:
        await world.ask("DescribeAssociation", AssociationId=UNKNOWN)

    assert f"Association {UNKNOWN} does not exist." == refused.value.message


async def test_an_execution_of_another_association_is_none(world):
    await world.enrol()
    one, two = await world.associate(), await world.associate()
    [execution] = await world.executions(two)
    with pytest.raises(ApiError) as refused:
        await world.ask(
            "DescribeAssociationExecutionTargets",
            AssociationId=one,
            ExecutionId=execution["ExecutionId"],
        )

    assert "AssociationExecutionDoesNotExist" == refused.value.code


async def test_what_holds_on_a_node(world):
    [node] = await world.enrol()
    await world.ask("CreateDocument", Name="Mine", Content=a_document(), DocumentType="Command")
    association = await world.associate(Name="Mine", AssociationName="Motd")
    await world.run(node, association, "Failed", summary="broken", code="ExecutionError")
    [status] = (await world.ask("DescribeInstanceAssociationsStatus", InstanceId=node))[
        "InstanceAssociationStatusInfos"
    ]
    [effective] = (await world.ask("DescribeEffectiveInstanceAssociations", InstanceId=node))[
        "Associations"
    ]

    assert ("Failed", "Failed", "broken", "ExecutionError", "Motd") == (
        status["Status"],
        status["DetailedStatus"],
        status["ExecutionSummary"],
        status["ErrorCode"],
        status["AssociationName"],
    )
    assert a_document() == effective["Content"]


async def test_a_node_speaks_for_itself_alone(world):
    one, two = await world.enrol(2)
    association = await world.associate()
    with pytest.raises(ApiError) as listing:
        await world.ask("ListInstanceAssociations", node=one, InstanceId=two)
    with pytest.raises(ApiError) as telling:
        await world.ask(
            "UpdateInstanceAssociationStatus",
            node=one,
            InstanceId=two,
            AssociationId=association,
            ExecutionResult={
                "Status": "Success",
                "ExecutionDate": world.clock.now(),
                "ExecutionSummary": "-",
            },
        )

    assert {"AccessDeniedException"} == {listing.value.code, telling.value.code}


async def test_tags_are_kept(world):
    association = await world.associate(Tags=[{"Key": "team", "Value": "web"}])
    told = await world.ask(
        "ListTagsForResource", ResourceType="Association", ResourceId=association
    )

    assert [{"Key": "team", "Value": "web"}] == told["TagList"]
