"""`ostler inventory`: what the nodes have, who has what, and what changed."""

import re
from datetime import datetime, timedelta
from typing import Any

import click

from ostler.cli.client import every
from ostler.foundation.clock import SystemClock

APPLICATION = "AWS:Application"
NODE = "AWS:InstanceInformation"
COLLECTION = "AWS-GatherSoftwareInventory"

_CONDITION = re.compile(r"(?P<key>[^=!<>^]+?)\s*(?P<sign>!=|\^=|=|<|>)\s*(?P<value>.*)", re.DOTALL)
_OPERATORS = {
    "=": "Equal",
    "!=": "NotEqual",
    "^=": "BeginWith",
    "<": "LessThan",
    ">": "GreaterThan",
}
_SPAN = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@click.group()
def inventory() -> None:
    """What the nodes are and have."""


@inventory.command()
@click.argument("conditions", nargs=-1, metavar="CONDITION…")
@click.option("--type", "type_name", default="", help="Show what the nodes have of this type.")
@click.pass_obj
def find(context: Any, conditions: tuple[str, ...], type_name: str) -> None:
    """Find the nodes that meet every CONDITION.

    A condition is an attribute, a sign and a value: 'AWS:Application.Name=openssl',
    'AWS:Application.Version<3.0.15'; the signs are = != ^= (begins with) < >. Without a type an
    attribute is one of packages: 'Name=openssl' 'Version<3.0.15'. Conditions on one type mean one
    and the same entry.
    """
    filters = [condition_of(text) for text in conditions]
    types = [text["Key"].rpartition(".")[0] for text in filters]
    shown = type_name or (types[0] if types else NODE)
    given: dict[str, Any] = {"ResultAttributes": [{"TypeName": shown}]}
    if filters:
        given["Filters"] = filters
    client = context.connection.client()
    rows = [
        {"InstanceId": entity["Id"], **entry}
        for entity in every(client, "get_inventory", "Entities", **given)
        for entry in entity["Data"].get(shown, {}).get("Content", [{}])
    ]
    context.output.show(rows, _columns(rows), empty="No node is like that.")


@inventory.command()
@click.argument("node")
@click.argument("type_name", metavar="[TYPE]", default=APPLICATION)
@click.pass_obj
def show(context: Any, node: str, type_name: str) -> None:
    """Show what NODE has of a TYPE, its packages by default."""
    client = context.connection.client()
    rows = list(
        every(client, "list_inventory_entries", "Entries", InstanceId=node, TypeName=type_name)
    )
    context.output.show(
        rows,
        _columns(rows),
        empty=f"{node} told nothing of {type_name}. `ostler inventory gather {node}` asks it.",
    )


@inventory.command()
@click.argument("node", required=False)
@click.option("--since", help="A time (2026-01-31T10:00:00Z) or a span before now (7d, 12h, 30m).")
@click.option("--type", "type_name", help="Changes of this type only.")
@click.pass_obj
def changes(context: Any, node: str | None, since: str | None, type_name: str | None) -> None:
    """Tell what came, went and changed, on NODE or on all of them."""
    given: dict[str, Any] = {}
    if node:
        given["InstanceId"] = node
    if type_name:
        given["TypeName"] = type_name
    if since:
        given["Since"] = instant_of(since, SystemClock().now())
    found = list(every(context.connection.client(), "list_inventory_changes", "Changes", **given))
    for change in found:
        entry = change.get("After") or change.get("Before") or {}
        change["Name"] = entry.get("Name", "")
        change["What"] = _difference(change.get("Before"), change.get("After"))
    columns = {
        "At": "WHEN",
        "InstanceId": "NODE",
        "TypeName": "TYPE",
        "Action": "ACTION",
        "Name": "NAME",
        "What": "WHAT",
    }
    context.output.show(found, columns, empty="Nothing changed.")


@inventory.command()
@click.argument("nodes", nargs=-1, metavar="NODE…")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="The nodes so tagged.")
@click.pass_obj
def gather(context: Any, nodes: tuple[str, ...], tags: tuple[str, ...]) -> None:
    """Ask nodes for their inventory now.

    For the stock agent and for doing so regularly, make an association of
    AWS-GatherSoftwareInventory.
    """
    if not nodes and not tags:
        raise click.UsageError("Name nodes, or --tag KEY=VALUE.")
    targets = [{"Key": "InstanceIds", "Values": list(nodes)}] if nodes else []
    for text in tags:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"A tag is written KEY=VALUE, not {text!r}.")
        targets.append({"Key": f"tag:{key}", "Values": [value]})
    sent = context.connection.client().send_command(DocumentName=COLLECTION, Targets=targets)
    command = sent["Command"]["CommandId"]
    context.output.show([sent["Command"]], {"CommandId": "COMMAND", "TargetCount": "NODES"})
    context.output.say(f"`ostler commands show {command}` tells how it goes.")


def condition_of(text: str) -> dict[str, Any]:
    """A filter as the wire has it, out of `AWS:Application.Name=openssl`."""
    read = _CONDITION.fullmatch(text)
    if read is None:
        raise click.UsageError(
            f"A condition is written as Name=openssl or AWS:Application.Version<3, not {text!r}."
        )
    key = read["key"]
    return {
        "Key": key if "." in key else f"{APPLICATION}.{key}",
        "Type": _OPERATORS[read["sign"]],
        "Values": [read["value"]],
    }


def instant_of(text: str, now: datetime) -> datetime:
    """The time that is meant: as it stands, or so long before now."""
    span = _SPAN.fullmatch(text)
    if span is not None:
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise click.UsageError(f"{text!r} is neither a time nor a span such as 7d.") from None


def _columns(rows: list[dict[str, Any]]) -> dict[str, str]:
    names = {name: None for row in rows for name in row}
    return {name: "NODE" if name == "InstanceId" else name.upper() for name in names}


def _difference(before: dict[str, str] | None, after: dict[str, str] | None) -> str:
    """What differs, in a few words."""
    if before is None or after is None:
        return (before or after or {}).get("Version", "")
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(
        f"{name} {before.get(name, '-')} → {after.get(name, '-')}" for name in sorted(names)
    )
