"""`ostler nodes`: the machines of the fleet."""

from typing import Any

import click

from ostler.cli.client import every

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


def tag_of(text: str) -> dict[str, str]:
    """A tag as the wire writes it, out of KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"A tag is written KEY=VALUE, not {text!r}.")
    return {"Key": key, "Value": value}


def _tag_filter(text: str) -> dict[str, Any]:
    tag = tag_of(text)
    return {"Key": f"tag:{tag['Key']}", "Values": [tag["Value"]]}
