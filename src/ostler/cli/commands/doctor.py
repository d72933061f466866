"""`ostler doctor`: what is wrong between here and the server, and how to mend it."""

import os
import socket
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from botocore import exceptions as botocore_errors
from botocore.httpsession import get_cert_path

from ostler.cli.client import every
from ostler.cli.output import explain
from ostler.foundation.clock import SystemClock

MOST_SKEW = 240


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is well, and what mends it if not."""

    check: str
    well: bool
    told: str
    mend: str = ""


@click.command()
@click.pass_obj
def doctor(context: Any) -> None:
    """Check endpoint, TLS, credentials, clock and fleet."""
    findings: list[Finding] = []
    for finding in _examine(context.connection):
        findings.append(finding)
        if context.output.for_people:
            mark = "[green]ok[/]  " if finding.well else "[red]bad[/] "
            context.output.console.print(f"{mark}{finding.check}: ", end="")
            context.output.say(finding.told)
            if finding.mend:
                context.output.say(f"     {finding.mend}")
    if not context.output.for_people:
        context.output.json(
            [
                {"check": each.check, "ok": each.well, "told": each.told, "mend": each.mend}
                for each in findings
            ]
        )
    sys.exit(0 if all(finding.well for finding in findings) else 1)


def _examine(connection: Any) -> Iterator[Finding]:
    """Each check builds on the one before: the first that fails ends the examination."""
    client = connection.client()
    url = urlsplit(client.meta.endpoint_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    if not os.environ.get("AWS_ENDPOINT_URL") and not connection.endpoint_url:
        yield Finding(
            "endpoint",
            False,
            f"no endpoint is set, so calls go to {url.netloc}",
            "Load the server's settings:  . var/server/client.env",
        )
        return
    yield Finding("endpoint", True, client.meta.endpoint_url)
    if url.scheme == "https":
        trusted = str(connection.authority() or get_cert_path(True))
        reached = _reach(url.hostname or "", port, trusted)
    else:
        reached = _reach(url.hostname or "", port)
    yield reached
    if not reached.well:
        return
    try:
        answer = client.describe_instance_information(MaxResults=5)
    except (botocore_errors.BotoCoreError, botocore_errors.ClientError) as error:
        told, _, mend = explain(error).partition("\n")
        yield Finding("credentials" if _blames_credentials(error) else "answer", False, told, mend)
        return
    yield Finding("credentials", True, "the server knows them")
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if date:
        skew = abs(
            (SystemClock().now() - parsedate_to_datetime(date).astimezone(UTC)).total_seconds()
        )
        yield Finding(
            "clock",
            skew < MOST_SKEW,
            f"{skew:.0f} s away from the server's",
            "" if skew < MOST_SKEW else "Signatures hold for 5 minutes: set this machine's clock.",
        )
    nodes = list(every(client, "describe_instance_information", "InstanceInformationList"))
    lost = [node["InstanceId"] for node in nodes if node["PingStatus"] != "Online"]
    yield Finding(
        "fleet",
        not lost,
        f"{len(nodes)} nodes, {len(lost)} of them silent" if nodes else "no node is registered yet",
        f"Look at the agent on {', '.join(lost[:5])}." if lost else "",
    )


def _blames_credentials(error: Exception) -> bool:
    if isinstance(error, botocore_errors.ClientError):
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"]) < 500
    return isinstance(
        error, botocore_errors.NoCredentialsError | botocore_errors.PartialCredentialsError
    )


def _reach(host: str, port: int, trusted: str = "") -> Finding:
    """Whether the server is there, and is who it says it is by the authorities in `trusted`."""
    mend = "AWS_CA_BUNDLE has to name the server's CA:  . var/server/client.env"
    if trusted and not Path(trusted).exists():
        return Finding("tls", False, f"there is no file {trusted}", mend)
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            if trusted:
                context = ssl.create_default_context(cafile=trusted)
                with context.wrap_socket(connection, server_hostname=host):
                    pass
    except ssl.SSLError as error:
        return Finding("tls", False, str(error), mend)
    except OSError as error:
        return Finding(
            "network",
            False,
            f"{host}:{port}: {error}",
            "Is the server running, and does a firewall let you through?",
        )
    return Finding("tls" if trusted else "network", True, f"{host}:{port} answers")
