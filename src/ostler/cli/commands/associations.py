"""`ostler associations`: what is wanted of the fleet, how it stands, and where it drifts."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import click

from ostler.cli.client import every
from ostler.foundation.clock import SystemClock

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_POLL = timedelta(milliseconds=300)
_DONE = ("Success", "Failed")
_SHOWN = {
    "AssociationId": "Association",
    "AssociationVersion": "Version",
    "Name": "Document",
    "DocumentVersion": "Document version",
    "ScheduleExpression": "Schedule",
    "ScheduleOffset": "Offset in days",
    "ApplyOnlyAtCronInterval": "Only at its times",
    "MaxConcurrency": "At once",
    "MaxErrors": "Errors allowed",
    "ComplianceSeverity": "Severity",
    "LastExecutionDate": "Last run",
    "LastSuccessfulExecutionDate": "Last success",
}


@click.group(invoke_without_command=True)
@click.pass_context
def associations(context: click.Context) -> None:
    """List the associations, or look into one."""
    if context.invoked_subcommand is None:
        _list(context.obj)


@associations.command(name="list")
@click.pass_obj
def list_(context: Any) -> None:
    """List the associations, and how they stand on their nodes."""
    _list(context)


@associations.command()
@click.argument("association")
@click.pass_obj
def show(context: Any, association: str) -> None:
    """Show what ASSOCIATION (an id or a name) wants, and how it stands on each node."""
    client = context.connection.client()
    told = client.describe_association(AssociationId=_id(client, association))
    described = told["AssociationDescription"]
    nodes = list(_latest(client, described["AssociationId"]))
    if not context.output.for_people:
        context.output.json({**described, "Nodes": nodes})
        return
    click.echo(described.get("AssociationName", described["AssociationId"]))
    for name, title in _SHOWN.items():
        if described.get(name) not in (None, "", False):
            click.echo(f"  {title:<18}{_text(described[name])}")
    for target in described.get("Targets", ()):
        click.echo(f"  {'Target':<18}{target['Key']} = {', '.join(target['Values'])}")
    for name, values in described.get("Parameters", {}).items():
        click.echo(f"  {'Parameter':<18}{name} = {', '.join(values)}")
    click.echo(f"  {'Status':<18}{described['Overview']['DetailedStatus']}")
    if nodes:
        click.echo()
        context.output.show(nodes, _RUNS)


@associations.command()
@click.argument("names", nargs=-1, required=True, metavar="ASSOCIATION…")
@click.option("--detach", is_flag=True, help="Do not wait for the end.")
@click.pass_obj
def run(context: Any, names: tuple[str, ...], detach: bool) -> None:
    """Apply associations now, and wait; ends with 1 if any of them fails."""
    client = context.connection.client()
    ids = [_id(client, name) for name in names]
    client.start_associations_once(AssociationIds=ids)
    if detach:
        context.output.say("The nodes are told.")
        return
    ended = [_wait(client, each) for each in ids]
    context.output.show([_row(one) for one in ended], _LISTED)
    if any(one["Overview"]["Status"] == "Failed" for one in ended):
        raise SystemExit(1)


@associations.command()
@click.argument("association")
@click.option("--limit", type=click.IntRange(1, 50), default=20, help="How many executions.")
@click.option("--nodes", is_flag=True, help="Show every node of each.")
@click.pass_obj
def history(context: Any, association: str, limit: int, nodes: bool) -> None:
    """Show when ASSOCIATION was applied, and what came of it, the newest first."""
    client = context.connection.client()
    own = _id(client, association)
    found = client.describe_association_executions(AssociationId=own, MaxResults=limit)
    executions = found["AssociationExecutions"]
    if not nodes:
        context.output.show(executions, _EXECUTIONS, empty="It was never applied.")
        return
    runs = [
        {"CreatedTime": one["CreatedTime"], **each}
        for one in executions
        for each in _targets(client, own, one["ExecutionId"])
    ]
    context.output.show(runs, {"CreatedTime": "APPLIED", **_RUNS}, empty="It was never applied.")


@associations.command()
@click.option("--node", help="Only this node.")
@click.pass_obj
def drift(context: Any, node: str | None) -> None:
    """Show where nodes are not as wanted, and what differs; ends with 1 if any is."""
    client = context.connection.client()
    filters = [
        {"Key": "ComplianceType", "Values": ["Association"], "Type": "EQUAL"},
        {"Key": "Status", "Values": ["NON_COMPLIANT"], "Type": "EQUAL"},
    ]
    given: dict[str, Any] = {"Filters": filters, "ResourceTypes": ["ManagedInstance"]}
    if node:
        given["ResourceIds"] = [node]
    found = list(every(client, "list_compliance_items", "ComplianceItems", **given))
    if not context.output.for_people:
        context.output.json(found)
    for item in found if context.output.for_people else ():
        what = item.get("Details", {})
        click.echo(f"{item['ResourceId']}  {item['Title']}  {item['Severity']}")
        difference = (
            what.get("Drift") or f"{what.get('DetailedStatus', 'Failed')}; no difference told"
        )
        for line in difference.splitlines():
            click.secho(f"    {line}", fg={"-": "red", "+": "green"}.get(line[:1]))
    if not found:
        context.output.say("Every node is as wanted.")
        return
    raise SystemExit(1)


_LISTED = {
    "AssociationName": "NAME",
    "Document": "DOCUMENT",
    "Status": "STATUS",
    "Counts": "NODES",
    "ScheduleExpression": "SCHEDULE",
    "LastExecutionDate": "LAST RUN",
    "AssociationId": "ASSOCIATION",
}
_EXECUTIONS = {
    "CreatedTime": "APPLIED",
    "DetailedStatus": "STATUS",
    "ResourceCountByStatus": "NODES",
    "AssociationVersion": "VERSION",
    "ExecutionId": "EXECUTION",
}
_RUNS = {
    "ResourceId": "NODE",
    "DetailedStatus": "STATUS",
    "LastExecutionDate": "LAST RUN",
}


def _list(context: Any) -> None:
    client = context.connection.client()
    found = [_row(one) for one in every(client, "list_associations", "Associations")]
    context.output.show(
        found, _LISTED, empty="Nothing is wanted of the nodes: `aws ssm create-association`."
    )


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    counts = told["Overview"].get("AssociationStatusAggregatedCount", {})
    return {
        **told,
        "Document": told["Name"],
        "Status": told["Overview"]["DetailedStatus"],
        "Counts": ", ".join(f"{counts[name]} {name}" for name in sorted(counts)),
    }


def _id(client: Any, named: str) -> str:
    """The association of that id or name."""
    if _ID.fullmatch(named):
        return named
    filters = [{"key": "AssociationName", "value": named}]
    found = client.list_associations(AssociationFilterList=filters)["Associations"]
    if not found:
        raise click.ClickException(
            f"There is no association {named}. `ostler associations` lists them."
        )
    if len(found) > 1:
        ids = ", ".join(one["AssociationId"] for one in found)
        raise click.ClickException(f"Several associations are called {named}: {ids}.")
    return str(found[0]["AssociationId"])


def _wait(client: Any, association: str) -> dict[str, Any]:
    while True:
        told: dict[str, Any] = client.describe_association(AssociationId=association)[
            "AssociationDescription"
        ]
        if told["Overview"]["Status"] in _DONE:
            return told
        SystemClock().pause(_POLL)


def _latest(client: Any, association: str) -> Iterator[dict[str, Any]]:
    found = client.describe_association_executions(AssociationId=association, MaxResults=1)
    for one in found["AssociationExecutions"]:
        yield from _targets(client, association, one["ExecutionId"])


def _targets(client: Any, association: str, execution: str) -> Iterator[dict[str, Any]]:
    return every(
        client,
        "describe_association_execution_targets",
        "AssociationExecutionTargets",
        AssociationId=association,
        ExecutionId=execution,
    )


def _text(value: Any) -> str:
    if value is True:
        return "yes"
    return (
        value.astimezone().strftime("%Y-%m-%d %H:%M")
        if hasattr(value, "astimezone")
        else str(value)
    )
