"""State Manager by boto3, on real agents: what an operator sees, and what crashes leave alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.journeys.commands import node_online
from tests.support.processes import AgentProcess, ServerProcess, eventually

SHELL = "AWS-RunShellScript"


def associate(ssm: Any, script: str, role: str, **given: Any) -> str:
    made = ssm.create_association(
        Name=SHELL,
        Targets=[{"Key": "tag:role", "Values": [role]}],
        Parameters={"commands": [script]},
        **given,
    )
    return str(made["AssociationDescription"]["AssociationId"])


def overview(ssm: Any, association: str) -> dict[str, Any]:
    found = ssm.describe_association(AssociationId=association)["AssociationDescription"]
    return dict(found["Overview"])


def until(ssm: Any, association: str, details: str) -> dict[str, Any]:
    """How the association stands, once it stands so."""
    return eventually(
        f"{association} to be {details}",
        lambda: (
            found if (found := overview(ssm, association))["DetailedStatus"] == details else None
        ),
    )


def test_every_node_that_fits_is_kept_as_wanted(
    ssm: Any, crew: list[AgentProcess], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    association = associate(ssm, f"echo $AWS_SSM_INSTANCE_ID >> {runs}", "fleet")
    seen = until(ssm, association, "Success")
    ssm.start_associations_once(AssociationIds=[association])
    eventually("the second run", lambda: len(runs.read_text().split()) == 6)
    until(ssm, association, "Success")
    executions = ssm.describe_association_executions(AssociationId=association)
    ssm.delete_association(AssociationId=association)

    assert {"Success": 3} == seen["AssociationStatusAggregatedCount"]
    nodes = [agent.node for agent in crew]
    assert sorted(nodes * 2) == sorted(runs.read_text().split())
    assert ["{Success=3}"] * 2 == [
        one["ResourceCountByStatus"] for one in executions["AssociationExecutions"]
    ]


def test_a_node_that_comes_later_is_included_and_its_failure_shown(
    ssm: Any, new_agents: Callable[..., list[AgentProcess]]
) -> None:
    association = associate(ssm, "echo wrong >&2; exit 3", "late", ComplianceSeverity="HIGH")
    before = overview(ssm, association)
    [agent] = new_agents(role="late")
    agent.start()
    node_online(ssm, agent.node)
    until(ssm, association, "Failed")
    [status] = ssm.describe_instance_associations_status(InstanceId=agent.node)[
        "InstanceAssociationStatusInfos"
    ]
    [item] = ssm.list_compliance_items(ResourceIds=[agent.node], ResourceTypes=["ManagedInstance"])[
        "ComplianceItems"
    ]
    agent.stop()
    ssm.delete_association(AssociationId=association)

    assert "Pending" == before["Status"]
    assert ("Failed", "ExecutionError") == (status["Status"], status["ErrorCode"])
    assert "wrong" in status["ExecutionSummary"]
    assert ("NON_COMPLIANT", "HIGH") == (item["Status"], item["Severity"])


def test_drift_is_seen_and_put_right_by_ostler(
    server: ServerProcess, ssm: Any, crew: list[AgentProcess], tmp_path: Path
) -> None:
    node = crew[0].node
    motd = tmp_path / "motd"
    motd.write_text("Hello\n")
    parameters = {"path": [str(motd)], "content": ["Welcome"], "Mode": ["Audit"]}
    given: dict[str, Any] = {
        "Name": "Ostler-EnsureFile",
        "AssociationName": "motd",
        "Targets": [{"Key": "InstanceIds", "Values": [node]}],
        "ComplianceSeverity": "LOW",
    }
    made = ssm.create_association(**given, Parameters=parameters)["AssociationDescription"]
    association = made["AssociationId"]
    until(ssm, association, "Failed")
    drifting = server.ostler("associations", "drift", "--node", node)
    looked = motd.read_text()
    ssm.update_association(
        AssociationId=association, **given, Parameters={**parameters, "Mode": ["Enforce"]}
    )
    until(ssm, association, "Success")
    applied = server.ostler("associations", "run", "motd")
    shown = server.ostler("associations", "show", "motd")
    past = server.ostler("associations", "history", "motd", "--nodes")
    listed = server.ostler("associations")
    calm = server.ostler("associations", "drift", "--node", node)
    ssm.delete_association(AssociationId=association)
    gone = server.ostler("associations", "show", "motd")

    assert (1, "Hello\n") == (drifting.returncode, looked)
    assert ["-Hello", "+Welcome"] == [
        line.strip() for line in drifting.stdout.splitlines() if line.strip()[:1] in "+-"
    ]
    assert "Welcome\n" == motd.read_text()
    assert [0, 0, 0, 0, 0] == [one.returncode for one in (applied, shown, past, listed, calm)]
    assert "Every node is as wanted." in calm.stdout
    assert "motd" in listed.stdout
    assert "Ostler-EnsureFile" in shown.stdout
    assert [1, 2] == [past.stdout.count("Failed"), past.stdout.count("Success")]
    assert (1, True) == (gone.returncode, "There is no association motd" in gone.stderr)


def test_a_killed_server_neither_skips_nor_doubles_a_run(
    server: ServerProcess, ssm: Any, crew: list[AgentProcess], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    due = datetime.now(UTC) + timedelta(seconds=3)  # noqa: TID251 - real processes, real clocks
    association = associate(
        ssm,
        f"echo $AWS_SSM_INSTANCE_ID >> {runs}",
        "fleet",
        ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
        ApplyOnlyAtCronInterval=True,
    )
    server.kill()
    server.start()
    until(ssm, association, "Success")
    server.kill()
    server.start()
    for agent in crew:
        node_online(ssm, agent.node)
    executions = ssm.describe_association_executions(AssociationId=association)
    ssm.delete_association(AssociationId=association)

    assert 1 == len(executions["AssociationExecutions"])
    assert sorted(agent.node for agent in crew) == sorted(runs.read_text().split())


def test_a_killed_agent_begins_no_step_twice(
    ssm: Any, new_agents: Callable[..., list[AgentProcess]], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    [agent] = new_agents(role="fragile")
    agent.start()
    node_online(ssm, agent.node)
    association = associate(ssm, f"echo begun >> {runs}; sleep 300", "fragile")
    eventually("the script's start", runs.exists)
    agent.kill()
    agent.start()
    until(ssm, association, "Failed")
    agent.stop()
    ssm.delete_association(AssociationId=association)

    assert "begun\n" == runs.read_text()
