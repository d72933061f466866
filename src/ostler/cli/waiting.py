"""Waiting for a command: until it has ended, and as long as the server stays away."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click
from botocore import exceptions as botocore_errors
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ostler.cli.output import Output
from ostler.foundation.clock import SystemClock

ENDED = {"Success", "Failed", "TimedOut", "Cancelled"}
POLL = timedelta(milliseconds=300)
PATIENCE = timedelta(seconds=3)

R = TypeVar("R")


def command_now(client: Any, command: str) -> dict[str, Any]:
    """What the server tells of the command now."""
    found: list[dict[str, Any]] = client.list_commands(CommandId=command)["Commands"]
    if not found:
        raise click.ClickException(
            f"There is no command {command}. `ostler commands` lists the newest."
        )
    return found[0]


def wait(client: Any, command: str, output: Output) -> None:
    """Wait until the command has ended; whoever watches sees how far it is."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} done, {task.fields[failed]} failed"),
        TimeElapsedColumn(),
    )
    watched = output.for_people and output.console.is_terminal
    with Progress(
        *columns, console=output.console, transient=True, disable=not watched
    ) as progress:
        bar = progress.add_task("Pending", total=0, failed=0)
        while True:
            told = command_now(client, command)
            progress.update(
                bar,
                total=told["TargetCount"],
                completed=told["CompletedCount"],
                failed=told["ErrorCount"],
                description=told["StatusDetails"],
            )
            if told["Status"] in ENDED:
                return
            SystemClock().pause(POLL)


def patiently(deed: Callable[[], R]) -> R:
    """Do it again for as long as the server is away: its commands go on meanwhile."""
    told = False
    while True:
        try:
            return deed()
        except (botocore_errors.BotoCoreError, botocore_errors.ClientError) as error:
            if not _is_away(error):
                raise
            if not told:
                click.echo(f"{error}\nTrying again; Ctrl-C leaves the command running.", err=True)
            told = True
            SystemClock().pause(PATIENCE)


def _is_away(error: Exception) -> bool:
    """Whether nothing answered, or something that could not ask its database."""
    if isinstance(error, botocore_errors.ClientError):
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"]) >= 500
    return isinstance(error, botocore_errors.ConnectionError | botocore_errors.HTTPClientError)
