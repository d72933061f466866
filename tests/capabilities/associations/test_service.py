"""An association's way from its terms to what came of it on each node, on both engines."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import ApiError
from tests.capabilities.associations.world import a_document

EVERY_HALF_HOUR = "rate(30 minutes)"


async def test_an_association_is_applied_when_it_is_made(world):
    one, two = await world.enrol(2)
    association = await world.associate()
    made = await world.overview(association)
    to_run = [await world.to_run(node) for node in (one, two)]
    rang = [world.post.rang(node) for node in (one, two)]
    await world.start(one, association)
    begun = await world.overview(association)
    await world.say(one, association, "Success")
    await world.run(two, association)

    assert ("Pending", "Pending") == made
    assert [[association]] * 2 == to_run
    assert [True, True] == rang
    assert ("Pending", "InProgress") == begun
    assert ("Success", "Success") == await world.overview(association)
    assert {one: "Success", two: "Success"} == await world.results(association)
    assert [] == await world.to_run(one)


async def test_a_schedule_applies_it_again_and_again(world):
    [node] = await world.enrol()
    association = await world.associate(ScheduleExpression=EVERY_HALF_HOUR)
    await world.run(node, association)
    await world.pass_time(minutes=29)
    early = await world.to_run(node)
    await world.pass_time(minutes=1)

    assert [] == early
    assert [association] == await world.to_run(node)
    assert 2 == len(await world.executions(association))


async def test_a_run_due_while_nobody_was_there_is_made_up_for_once(world):
    [node] = await world.enrol()
    association = await world.associate(ScheduleExpression=EVERY_HALF_HOUR)
    await world.run(node, association)
    await world.pass_time(hours=5)
    world.begin()
    await world.settle()

    assert 2 == len(await world.executions(association))
    await world.pass_time(minutes=30)
    assert 3 == len(await world.executions(association))


async def test_a_clock_that_goes_back_doubles_nothing(world):
    """The time that was written down counts, not how long ago it was."""
    [node] = await world.enrol()
    association = await world.associate(ScheduleExpression=EVERY_HALF_HOUR)
    await world.run(node, association)
    await world.pass_time(minutes=30)
    world.clock = world.fleet.clock = ManualClock(world.clock.now() - timedelta(minutes=20))
    world.foundation = replace(world.foundation, clock=world.clock)
    world.begin()
    await world.settle()
    set_back = len(await world.executions(association))
    await world.pass_time(minutes=20)
    caught_up = len(await world.executions(association))
    await world.pass_time(minutes=31)

    assert (2, 2, 3) == (set_back, caught_up, len(await world.executions(association)))


async def test_only_at_its_time(world):
    """ApplyOnlyAtCronInterval: neither made nor changed is reason enough."""
    [node] = await world.enrol()
    association = await world.associate(
        ScheduleExpression="cron(0/30 * * * ? *)", ApplyOnlyAtCronInterval=True
    )
    await world.ask(
        "UpdateAssociation",
        AssociationId=association,
        Name="AWS-RunShellScript",
        Parameters={"commands": ["false"]},
        ScheduleExpression="cron(0/30 * * * ? *)",
        ApplyOnlyAtCronInterval=True,
    )
    before = await world.listed(node)
    await world.pass_time(minutes=30)

    assert {} == before
    assert [association] == await world.to_run(node)


async def test_a_single_run_at_its_time(world):
    [node] = await world.enrol()
    at = world.clock.now().replace(microsecond=0, tzinfo=None)
    association = await world.associate(
        ScheduleExpression=f"at({at.replace(year=at.year + 1).isoformat()})",
        ApplyOnlyAtCronInterval=True,
    )
    await world.pass_time(days=364)
    before = await world.executions(association)
    await world.pass_time(days=3)
    after = await world.executions(association)
    await world.pass_time(days=800)

    assert [] == before
    assert 1 == len(after) == len(await world.executions(association))
    assert [association] == await world.to_run(node)


async def test_a_node_that_comes_later_is_included(world):
    association = await world.associate(Targets=[{"Key": "tag:role", "Values": ["web"]}])
    [node] = await world.enrol()
    before = await world.listed(node)
    await world.ask(
        "AddTagsToResource",
        ResourceType="ManagedInstance",
        ResourceId=node,
        Tags=[{"Key": "role", "Value": "web"}],
    )
    tagged = await world.to_run(node)
    await world.ask(
        "RemoveTagsFromResource",
        ResourceType="ManagedInstance",
        ResourceId=node,
        TagKeys=["role"],
    )

    assert {} == before
    assert [association] == tagged
    assert {} == await world.listed(node)


async def test_a_node_that_is_named_before_it_exists_is_included(world):
    [first] = await world.enrol()
    association = await world.associate()
    [second] = await world.enrol()

    assert [association] == await world.to_run(second)
    assert {second: "Pending"} == await world.results(association)
    assert {first: "Pending"} == await world.results(association, 1)


async def test_a_node_that_is_none_any_more_is_waited_for_no_longer(world):
    one, two = await world.enrol(2)
    association = await world.associate()
    await world.run(one, association)
    await world.ask("DeregisterManagedInstance", InstanceId=two)

    assert ("Success", "Success") == await world.overview(association)
    assert {one: "Success", two: "Skipped"} == await world.results(association)


# Rate control


async def test_no_more_begin_than_max_concurrency_allows(world):
    nodes = await world.enrol(3)
    association = await world.associate(MaxConcurrency="1", MaxErrors="0")
    first, second, third = sorted(nodes)
    at_first = [await world.to_run(node) for node in (first, second, third)]
    await world.run(first, association)
    then = [await world.to_run(node) for node in (first, second, third)]
    await world.run(second, association, "Failed", summary="broken", code="ExecutionError")

    assert [[association], [], []] == at_first
    assert [[], [association], []] == then
    assert {first: "Success", second: "Failed", third: "Skipped"} == await world.results(
        association
    )
    assert ("Failed", "Failed") == await world.overview(association)


async def test_nodes_that_are_away_take_up_no_room(world):
    [away] = await world.enrol(online=False)
    here = await world.enrol(2)
    association = await world.associate(MaxConcurrency="1")

    assert [association] == await world.to_run(away)
    assert 1 == sum([bool(await world.to_run(node)) for node in here])


async def test_a_node_that_does_not_begin_loses_its_place(world):
    nodes = await world.enrol(2)
    association = await world.associate(MaxConcurrency="1")
    first, second = sorted(nodes)
    before = await world.to_run(second)
    await world.pass_time(minutes=16)

    assert [] == before
    assert [association] == await world.to_run(second)
    assert [association] == await world.to_run(first)


# What hangs, fails, overtakes


async def test_a_run_that_hangs_is_timed_out(world):
    [node] = await world.enrol()
    association = await world.associate(Duration=1)
    await world.start(node, association)
    await world.pass_time(minutes=30)
    await world.say(node, association, "InProgress", "1 out of 2 plugins processed")
    before = await world.overview(association)
    await world.pass_time(minutes=31)
    hung = await world.overview(association)
    await world.say(node, association, "Success")

    assert ("Pending", "InProgress") == before
    assert ("Failed", "TimedOut") == hung == await world.overview(association)


async def test_a_new_run_times_out_the_one_before(world):
    """What the node says of the old one is not taken for the new one."""
    [node] = await world.enrol()
    association = await world.associate()
    await world.start(node, association)
    await world.ask("StartAssociationsOnce", AssociationIds=[association])
    overtaken = await world.results(association, 1)
    await world.say(node, association, "InProgress", "1 out of 1 plugin processed")
    await world.say(node, association, "Success")
    old_words = await world.results(association)
    to_run = await world.to_run(node)
    await world.run(node, association, "Failed", summary="broken", code="ExecutionError")

    assert {node: "TimedOut"} == overtaken
    assert {node: "Pending"} == old_words
    assert [association] == to_run
    assert {node: "Failed"} == await world.results(association)
    assert {node: "TimedOut"} == await world.results(association, 1)


async def test_a_word_that_was_lost_on_the_way_harms_nothing(world):
    """The server was away when the run began: its end counts all the same."""
    [node] = await world.enrol()
    association = await world.associate()
    await world.say(node, association, "Success")

    assert {node: "Success"} == await world.results(association)


async def test_a_node_may_apply_it_by_itself(world):
    """Somebody ran AWS-RefreshAssociation there: that is an execution like any other."""
    [node] = await world.enrol()
    association = await world.associate()
    await world.run(node, association)
    await world.run(node, association, "Failed", summary="broken", code="ExecutionError")

    assert 2 == len(await world.executions(association))
    assert ("Failed", "Failed") == await world.overview(association)


async def test_what_ended_stays_as_it_ended(world):
    [node] = await world.enrol()
    association = await world.associate()
    await world.run(node, association)
    await world.say(node, association, "Failed", code="ExecutionError")

    assert {node: "Success"} == await world.results(association)
    assert 1 == len(await world.executions(association))


# Others' changes


async def test_a_new_default_version_is_applied(world):
    [node] = await world.enrol()
    await world.ask("CreateDocument", Name="Mine", Content=a_document(), DocumentType="Command")
    association = await world.associate(Name="Mine")
    latest = await world.associate(Name="Mine", DocumentVersion="$LATEST")
    pinned = await world.associate(Name="Mine", DocumentVersion="1")
    for one in (association, latest, pinned):
        await world.run(node, one)
    before = (await world.listed(node))[association]["Checksum"]
    await world.ask(
        "UpdateDocument", Name="Mine", Content=a_document("false"), DocumentVersion="$LATEST"
    )
    updated = await world.to_run(node)
    await world.ask("UpdateDocumentDefaultVersion", Name="Mine", DocumentVersion="2")

    assert [latest] == updated
    assert {association, latest} == set(await world.to_run(node))
    assert before != (await world.listed(node))[association]["Checksum"]


async def test_a_changed_parameter_is_applied(world):
    [node] = await world.enrol()
    await world.ask("PutParameter", Name="/motd", Value="one", Type="String")
    association = await world.associate(Parameters={"commands": ["echo {{ssm:/motd}}"]})
    other = await world.associate()
    for one in (association, other):
        await world.run(node, one)
    await world.ask("PutParameter", Name="/motd", Value="two", Type="String", Overwrite=True)

    assert [association] == await world.to_run(node)


async def test_a_document_that_is_in_use_stays(world):
    await world.ask("CreateDocument", Name="Mine", Content=a_document(), DocumentType="Command")
    association = await world.associate(Name="Mine")
    with pytest.raises(ApiError) as refused:
        await world.ask("DeleteDocument", Name="Mine")
    await world.ask("DeleteAssociation", AssociationId=association)
    await world.ask("DeleteDocument", Name="Mine")

    assert "AssociatedInstances" == refused.value.code


# What follows


async def test_compliance_is_told_with_the_severity(world):
    [node] = await world.enrol()
    association = await world.associate(ComplianceSeverity="HIGH", AssociationName="Motd")
    manual = await world.associate(SyncCompliance="MANUAL")
    await world.run(node, association, "Failed", summary="broken", code="ExecutionError")
    await world.run(node, manual)
    # What the agent says besides has no severity, and counts for nothing.
    await world.ask(
        "PutComplianceItems",
        node=node,
        ResourceId=node,
        ResourceType="ManagedInstance",
        ComplianceType="Association",
        ExecutionSummary={"ExecutionTime": world.clock.now()},
        Items=[{"Id": association, "Severity": "UNSPECIFIED", "Status": "COMPLIANT"}],
    )
    told = await world.ask(
        "ListComplianceItems", ResourceIds=[node], ResourceTypes=["ManagedInstance"]
    )
    await world.ask("DeleteAssociation", AssociationId=association)
    after = await world.ask(
        "ListComplianceItems", ResourceIds=[node], ResourceTypes=["ManagedInstance"]
    )

    assert [(association, "NON_COMPLIANT", "HIGH", "Motd")] == [
        (one["Id"], one["Status"], one["Severity"], one["Title"]) for one in told["ComplianceItems"]
    ]
    assert [] == after["ComplianceItems"]


async def test_drift_is_shown(world):
    [node] = await world.enrol()
    association = await world.associate()
    summary = (
        "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \n"
        "The operation file failed because OSTLER-DRIFT\n-old\n+new\nfailed to run commands: "
        "exit status 3."
    )
    await world.run(node, association, "Failed", summary=summary, code="ExecutionError")
    [item] = (
        await world.ask(
            "ListComplianceItems", ResourceIds=[node], ResourceTypes=["ManagedInstance"]
        )
    )["ComplianceItems"]

    assert "NON_COMPLIANT" == item["Status"]
    assert item["Details"]["Drift"].startswith("-old\n+new")


async def test_nodes_show_how_their_associations_stand(world):
    good, bad = await world.enrol(2)
    association = await world.associate()
    await world.run(good, association)
    await world.run(bad, association, "Failed", summary="broken", code="ExecutionError")

    async def having(status: str) -> list[str]:
        filters = [{"Key": "AssociationStatus", "Values": [status]}]
        answer = await world.ask("DescribeInstanceInformation", Filters=filters)
        return [one["InstanceId"] for one in answer["InstanceInformationList"]]

    answer = await world.ask(
        "DescribeInstanceInformation", Filters=[{"Key": "InstanceIds", "Values": [bad]}]
    )
    [shown] = answer["InstanceInformationList"]

    assert [good] == await having("Success")
    assert [bad] == await having("Failed")
    assert [] == await having("Pending")
    assert "Failed" == shown["AssociationStatus"]
    assert {
        "DetailedStatus": "Failed",
        "InstanceAssociationStatusAggregatedCount": {"Failed": 1},
    } == shown["AssociationOverview"]


async def test_events_tell_of_the_association_and_of_its_nodes(world):
    [node] = await world.enrol()
    association = await world.associate()
    await world.run(node, association)

    whole = await world.announced("EC2 State Manager Association State Change")
    single = await world.announced("EC2 State Manager Instance Association State Change")
    assert ["Pending", "Success"] == [one["detail"]["status"] for one in whole]
    assert ["InProgress", "Success"] == [one["detail"]["detailed-status"] for one in single]
    assert {association} == {one["detail"]["association-id"] for one in [*whole, *single]}


# Telling


async def test_a_node_is_told_until_it_knows(world):
    [node] = await world.enrol()
    association = await world.associate()
    world.begin()
    [job] = await world.bell.pending(world.scope, node)
    again = await world.bell.pending(world.scope, node)
    await world.bell.acknowledged(world.scope, node, job.job_id, "51402")
    full = await world.bell.pending(world.scope, node)
    await world.bell.acknowledged(world.scope, node, job.job_id, "200")

    assert [job] == again == full
    assert [] == await world.bell.pending(world.scope, node)
    assert [association] == await world.to_run(node)


async def test_many_associations_are_told_at_once_and_listed_page_by_page(world):
    [node] = await world.enrol()
    made = [await world.associate() for _ in range(25)]
    await world.settle()

    assert 1 <= len(world.post.brought[node])
    assert set(made) == set(await world.listed(node))
