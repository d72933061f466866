"""`ostler activations`: the codes with which nodes enrol."""

import hashlib
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

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
@click.option("--server", metavar="URL", help="How nodes reach the server, if not as you do.")
@click.pass_obj
def create(
    context: Any,
    name: str | None,
    role: str,
    limit: int,
    hours: int,
    tags: tuple[str, ...],
    server: str | None,
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
    server = (server or client.meta.endpoint_url).rstrip("/")
    context.output.say("The code is shown this once. On each node, as root or with sudo:\n")
    context.output.say(
        install_command(
            server,
            client.meta.region_name,
            made["ActivationId"],
            made["ActivationCode"],
            digest_of_authority(client.meta.endpoint_url, context.connection.authority()),
        )
    )
    if urlsplit(server).hostname in LOOPBACK:
        context.output.say(
            "\nOn another machine it has to be a name or address of this one: say --server."
        )


@activations.command()
@click.argument("activation")
@click.pass_obj
def delete(context: Any, activation: str) -> None:
    """Delete an activation; nodes that used it stay registered."""
    context.connection.client().delete_activation(ActivationId=activation)
    context.output.say(f"{activation} is deleted.")


def digest_of_authority(server: str, trusted: Path | None) -> str:
    """The SHA-256 of the server's ca.pem, fetched over TLS that is verified; empty without one."""
    if urlsplit(server).scheme != "https":
        return ""
    verify: Any = str(trusted) if trusted else True
    https = URLLib3Session(verify=verify, timeout=10)
    answer = https.send(AWSRequest("GET", f"{server}/ca.pem").prepare())
    return hashlib.sha256(answer.content).hexdigest() if answer.status_code == 200 else ""


def install_command(server: str, region: str, activation: str, code: str, digest: str) -> str:
    """One line that makes a machine a node.

    Nothing that comes from the server is believed before the fingerprint of its authority has
    been compared, and the code stands in no process's arguments: `echo` is the shell's own.
    """
    steps = ["set -e", 'cd "$(mktemp -d)"']
    trust = ""
    if digest:
        steps.append(f"curl -fsSk {shlex.quote(server + '/ca.pem')} -o ca.pem")
        steps.append(f"echo '{digest}  ca.pem' | sha256sum -c --quiet")
        trust = "--cacert ca.pem "
    steps.append(f"curl -fsS {trust}{shlex.quote(server + '/install.sh')} -o install.sh")
    script = f"sh install.sh {shlex.quote(server)} {shlex.quote(region)}"
    steps.append(f"echo {shlex.quote(activation + ' ' + code)} | $(command -v sudo) {script}")
    return f"({'; '.join(steps)})"


def _expiry(hours: int) -> datetime:
    # A minute less than asked: the server measures 30 days by its own clock.
    return SystemClock().now().astimezone(UTC) + timedelta(hours=hours, minutes=-1)
