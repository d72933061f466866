"""`ostler activations`: the codes with which nodes enrol."""

import shlex
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import click

from ostler.cli.client import every
from ostler.cli.commands.nodes import tag_of
from ostler.foundation.clock import SystemClock

COLUMNS = {
    "ActivationId": "ACTIVATION",
    "DefaultInstanceName": "NAME",
    "IamRole": "ROLE",
    "RegistrationsCount": "USED",
    "RegistrationLimit": "OF",
    "ExpirationDate": "EXPIRES",
    "Expired": "EXPIRED",
}
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@click.group(invoke_without_command=True)
@click.pass_context
def activations(context: click.Context) -> None:
    """List the activations, or make one."""
    if context.invoked_subcommand is not None:
        return
    client = context.obj.connection.client()
    context.obj.output.show(
        list(every(client, "describe_activations", "ActivationList")),
        COLUMNS,
        empty="There are no activations. `ostler activations create` makes one.",
    )


@activations.command()
@click.option("--name", help="The name that nodes get.")
@click.option("--role", default="OstlerManagedInstance", help="The role that nodes act as.")
@click.option("--limit", type=click.IntRange(1, 1000), default=1, help="For how many nodes.")
@click.option("--hours", type=click.IntRange(1, 720), default=24, help="Good for how long.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tags that nodes get.")
@click.pass_obj
def create(
    context: Any, name: str | None, role: str, limit: int, hours: int, tags: tuple[str, ...]
) -> None:
    """Make an activation and say how a node uses it."""
    client = context.connection.client()
    given: dict[str, Any] = {"IamRole": role, "RegistrationLimit": limit}
    given["ExpirationDate"] = _expiry(hours)
    if name:
        given["DefaultInstanceName"] = name
    if tags:
        given["Tags"] = [tag_of(text) for text in tags]
    made = client.create_activation(**given)
    made.pop("ResponseMetadata", None)
    if not context.output.for_people:
        context.output.json(made)
        return
    server = client.meta.endpoint_url
    authority = context.connection.authority()
    trust = "--ca-file ca.pem " if authority else ""
    context.output.say("The code is shown this once. On each node:")
    context.output.say(
        f"  ostler-agent register --server {shlex.quote(server)} \\\n"
        f"    --region {client.meta.region_name} \\\n"
        f"    --activation-id {made['ActivationId']} \\\n"
        f"    --activation-code {shlex.quote(made['ActivationCode'])} \\\n"
        f"    {trust}--data /var/lib/ostler-agent\n"
        "  ostler-agent run --data /var/lib/ostler-agent"
    )
    if authority:
        context.output.say(f"ca.pem is {authority} of this machine: copy it there first.")
    if urlsplit(server).hostname in LOOPBACK:
        context.output.say("On another machine --server has to be a name or address of this one.")


@activations.command()
@click.argument("activation")
@click.pass_obj
def delete(context: Any, activation: str) -> None:
    """Delete an activation; nodes that used it stay registered."""
    context.connection.client().delete_activation(ActivationId=activation)
    context.output.say(f"{activation} is deleted.")


def _expiry(hours: int) -> datetime:
    # A minute less than asked: the server measures 30 days by its own clock.
    return SystemClock().now().astimezone(UTC) + timedelta(hours=hours, minutes=-1)
