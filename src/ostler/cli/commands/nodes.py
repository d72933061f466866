"""`ostler nodes`: the machines of the fleet."""

from datetime import datetime, timedelta
from typing import Any

import click

from ostler.cli.client import every
from ostler.foundation.clock import SystemClock

COLUMNS = {
    "InstanceId": "NODE",
    "Name": "NAME",
    "PingStatus": "STATUS",
    "LastPingDateTime": "LAST SEEN",
    "ComputerName": "HOST",
    "Platform": "PLATFORM",
    "AgentVersion": "AGENT",
    "IPAddress": "ADDRESS",
}


@click.group(invoke_without_command=True)
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Only nodes so tagged.")
@click.option("--online", is_flag=True, help="Only nodes that report.")
@click.pass_context
def nodes(context: click.Context, tags: tuple[str, ...], online: bool) -> None:
    """List the nodes, or act on one."""
    if context.invoked_subcommand is not None:
        return
    client = context.obj.connection.client()
    given: dict[str, Any] = {"Filters": [_tag_filter(tag) for tag in tags]} if tags else {}
    found = list(every(client, "describe_instance_information", "InstanceInformationList", **given))
    if online:
        # The API takes no other filter beside one for a tag.
        found = [node for node in found if node["PingStatus"] == "Online"]
    for node in found:
        parts = (node.get("PlatformName"), node.get("PlatformVersion"))
        node["Platform"] = " ".join(part for part in parts if part)
    context.obj.output.show(
        found,
        COLUMNS,
        empty="No node is like that. `ostler nodes` lists them all."
        if tags or online
        else f"No node is registered in {client.meta.region_name}. "
        "`ostler activations create` starts the enrolment.",
    )


@nodes.command()
@click.argument("node")
@click.pass_obj
def show(context: Any, node: str) -> None:
    """Tell on one screen what NODE is, what holds for it, and what it last did."""
    overview = overview_of(context.connection.client(), node)
    if not context.output.for_people:
        context.output.json(overview)
        return
    for name, value in overview["Node"].items():
        context.output.say(f"{name:<12} {value}")
    for title, columns, empty in _SECTIONS:
        context.output.say(f"\n{title.upper()}")
        context.output.show(overview[title], columns, empty=f"  {empty}")


@nodes.command()
@click.argument("node")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def deregister(context: Any, node: str, yes: bool) -> None:
    """Let NODE go: its id and its key are good for nothing afterwards."""
    if not yes:
        click.confirm(f"Deregister {node}?", abort=True)
    context.connection.client().deregister_managed_instance(InstanceId=node)
    context.output.say(f"{node} is deregistered.")


@nodes.command()
@click.argument("node")
@click.argument("tags", nargs=-1, required=True, metavar="KEY=VALUE…")
@click.pass_obj
def tag(context: Any, node: str, tags: tuple[str, ...]) -> None:
    """Put tags on NODE."""
    context.connection.client().add_tags_to_resource(
        ResourceType="ManagedInstance", ResourceId=node, Tags=[tag_of(text) for text in tags]
    )
    context.output.say(f"{node} is tagged {', '.join(tags)}.")


def overview_of(client: Any, node: str) -> dict[str, Any]:
    """All that the API tells of a node, as far as a person wants it at a glance."""
    named = [{"Key": "InstanceIds", "Values": [node]}]
    [found] = client.describe_instance_information(Filters=named)["InstanceInformationList"]
    tags = client.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node)
    packages = client.get_inventory(
        Filters=[{"Key": f"{_NODE}.InstanceId", "Values": [node]}],
        Aggregators=[{"Expression": f"{_NODE}.InstanceId", "Aggregators": [_BY_PACKAGE]}],
    )["Entities"][0]["Data"]
    compliance = client.list_resource_compliance_summaries(
        Filters=[{"Key": "ResourceId", "Values": [node]}]
    )["ResourceComplianceSummaryItems"]
    for each in compliance:
        each["Compliant"] = each["CompliantSummary"]["CompliantCount"]
        each["Failing"] = each["NonCompliantSummary"]["NonCompliantCount"]
    week = SystemClock().now() - timedelta(days=7)
    changes = list(every(client, "list_inventory_changes", "Changes", InstanceId=node, Since=week))
    for each in changes:
        each["Name"] = (each.get("After") or each.get("Before") or {}).get("Name", "")
    associations = client.describe_instance_associations_status(InstanceId=node)
    commands = client.list_command_invocations(InstanceId=node, MaxResults=_LAST)
    return {
        "Node": {
            "Id": node,
            "Name": found.get("Name", ""),
            "Host": found.get("ComputerName", ""),
            "Address": found.get("IPAddress", ""),
            "Status": f"{found['PingStatus']}, last heard {_shown(found.get('LastPingDateTime'))}",
            "Platform": f"{found.get('PlatformName', '')} {found.get('PlatformVersion', '')}",
            "Agent": found.get("AgentVersion", ""),
            "Role": found.get("IamRole", ""),
            "Registered": _shown(found.get("RegistrationDate")),
            "Tags": ", ".join(f"{tag['Key']}={tag['Value']}" for tag in tags["TagList"]),
            "Packages": str(sum(len(data["Content"]) for data in packages.values())),
        },
        "Associations": associations["InstanceAssociationStatusInfos"],
        "Compliance": compliance,
        "Changes": changes[-_LAST:],
        "Commands": commands["CommandInvocations"],
    }


_LAST = 5
_NODE = "AWS:InstanceInformation"
_BY_PACKAGE = {"Expression": "AWS:Application.Name"}
_SECTIONS = (
    (
        "Associations",
        {
            "AssociationId": "ID",
            "Name": "DOCUMENT",
            "Status": "STATUS",
            "ExecutionDate": "LAST RUN",
        },
        "None holds for it.",
    ),
    (
        "Compliance",
        {
            "ComplianceType": "TYPE",
            "Status": "STATUS",
            "OverallSeverity": "SEVERITY",
            "Compliant": "COMPLIANT",
            "Failing": "FAILING",
        },
        "Nobody examined it.",
    ),
    (
        "Changes",
        {"At": "WHEN", "TypeName": "TYPE", "Action": "ACTION", "Name": "NAME"},
        "Its inventory did not change within a week.",
    ),
    (
        "Commands",
        {
            "CommandId": "COMMAND",
            "RequestedDateTime": "REQUESTED",
            "DocumentName": "DOCUMENT",
            "StatusDetails": "STATUS",
        },
        "It ran none lately.",
    ),
)


def _shown(instant: datetime | None) -> str:
    return f"{instant.astimezone():%Y-%m-%d %H:%M}" if instant is not None else "never"


def tag_of(text: str) -> dict[str, str]:
    """A tag as the wire writes it, out of KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"A tag is written KEY=VALUE, not {text!r}.")
    return {"Key": key, "Value": value}


def _tag_filter(text: str) -> dict[str, Any]:
    tag = tag_of(text)
    return {"Key": f"tag:{tag['Key']}", "Values": [tag["Value"]]}
