"""`ostler run` and `ostler commands`: run a script on many nodes, and look at what ran."""

import json
import re
import sys
from functools import partial
from itertools import islice
from typing import Any

import click

from ostler.cli import answers
from ostler.cli.client import every
from ostler.cli.commands.nodes import tag_of
from ostler.cli.following import CannotFollow, Follower, Line
from ostler.cli.output import Output
from ostler.cli.waiting import ENDED, command_now, patiently, wait

COLUMNS = {
    "CommandId": "COMMAND",
    "DocumentName": "DOCUMENT",
    "StatusDetails": "STATUS",
    "Done": "DONE",
    "ErrorCount": "FAILED",
    "RequestedDateTime": "REQUESTED",
    "Comment": "COMMENT",
}


# As for ssh, the first word that is no option begins the script, options of its own and all.
@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("script", nargs=-1, required=True)
@click.option("--node", "nodes", multiple=True, metavar="ID", help="On this node (repeatable).")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="On nodes so tagged.")
@click.option("--all", "everywhere", is_flag=True, help="On every node.")
@click.option("--document", default="AWS-RunShellScript", help="What runs the script.")
@click.option("--concurrency", default="50", help="At once: a number or a percentage.")
@click.option("--max-errors", default="0", help="Stop after more failures than this.")
@click.option(
    "--timeout",
    type=click.IntRange(30, 2_592_000),
    default=3600,
    help="Seconds that a node has to take it.",
)
@click.option("--comment", default="", help="Kept with the command.")
@click.option("--follow", "live", is_flag=True, help="Show output while it comes, line by line.")
@click.option("--no-wait", is_flag=True, help="Only send, and say the command's id.")
@click.pass_obj
def run(
    context: Any,
    script: tuple[str, ...],
    nodes: tuple[str, ...],
    tags: tuple[str, ...],
    everywhere: bool,
    document: str,
    concurrency: str,
    max_errors: str,
    timeout: int,
    comment: str,
    live: bool,
    no_wait: bool,
) -> None:
    """Run SCRIPT on many nodes and show what each answered.

    Options stand before SCRIPT. Its words are one line, as for ssh; quote what this shell should
    leave alone. Ends with 0 when all nodes succeeded, with 1 when one did not or none was meant.
    Ctrl-C leaves the command running and says how to come back to it.
    """
    client = context.connection.client()
    given: dict[str, Any] = {
        "DocumentName": document,
        "Parameters": {"commands": [" ".join(script)]},
        "MaxConcurrency": concurrency,
        "MaxErrors": max_errors,
        "TimeoutSeconds": timeout,
        "Comment": comment,
    }
    sent = client.send_command(**given, **_whom(nodes, tags, everywhere))["Command"]
    command = sent["CommandId"]
    if no_wait:
        if context.output.for_people:
            click.echo(command)
        else:
            context.output.json(sent)
        return
    sys.exit(_follow(context, client, command) if live else _await(context, client, command))


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), default=50, help="How many, newest first.")
@click.pass_context
def commands(context: click.Context, limit: int) -> None:
    """List the newest commands, or look at one."""
    if context.invoked_subcommand is not None:
        return
    client = context.obj.connection.client()
    found = list(islice(every(client, "list_commands", "Commands"), limit))
    for command in found:
        command["Done"] = f"{command['CompletedCount']}/{command['TargetCount']}"
    context.obj.output.show(
        found, COLUMNS, empty="No command ran yet. `ostler run --all uptime` runs one."
    )


def _command_id(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
        raise click.BadParameter(f"{value} is no command's id. `ostler commands` lists them.")
    return value


_the_command = click.argument("command", callback=_command_id)


@commands.command()
@_the_command
@click.pass_obj
def show(context: Any, command: str) -> None:
    """What COMMAND did on each node, nodes with the same answer together."""
    client = context.connection.client()
    command_now(client, command)
    answers.show(client, command, context.output)


@commands.command()
@_the_command
@click.pass_obj
def follow(context: Any, command: str) -> None:
    """Show what COMMAND's nodes write, from the beginning and while they write it."""
    client = context.connection.client()
    command_now(client, command)
    sys.exit(_follow(context, client, command))


@commands.command("wait")
@_the_command
@click.pass_obj
def wait_for(context: Any, command: str) -> None:
    """Wait for COMMAND to end, then show what it did."""
    client = context.connection.client()
    command_now(client, command)
    sys.exit(_await(context, client, command))


@commands.command()
@_the_command
@click.option("--node", "nodes", multiple=True, metavar="ID", help="Only on this node.")
@click.pass_obj
def cancel(context: Any, command: str, nodes: tuple[str, ...]) -> None:
    """Cancel COMMAND where it has not ended."""
    client = context.connection.client()
    given: dict[str, Any] = {"InstanceIds": list(nodes)} if nodes else {}
    client.cancel_command(CommandId=command, **given)
    told = command_now(client, command)
    if told["Status"] in ENDED - {"Cancelled"}:
        context.output.say(f"{command} has ended already: {told['StatusDetails']}.")
    else:
        context.output.say(f"{command} is being cancelled.")


def _whom(nodes: tuple[str, ...], tags: tuple[str, ...], everywhere: bool) -> dict[str, Any]:
    if sum(map(bool, (nodes, tags, everywhere))) != 1:
        raise click.UsageError("Before SCRIPT say whom: --node ID, --tag KEY=VALUE or --all.")
    if nodes:
        return {"InstanceIds": list(nodes)}
    if everywhere:
        return {"Targets": [{"Key": "InstanceIds", "Values": ["*"]}]}
    values: dict[str, list[str]] = {}
    for text in tags:
        tag = tag_of(text)
        values.setdefault(f"tag:{tag['Key']}", []).append(tag["Value"])
    return {"Targets": [{"Key": key, "Values": each} for key, each in values.items()]}


def _await(context: Any, client: Any, command: str) -> int:
    """Wait for the end with progress, then show each answer; the exit status."""
    try:
        patiently(partial(wait, client, command, context.output))
        return patiently(partial(answers.show, client, command, context.output))
    except KeyboardInterrupt:
        return _detach(command)


def _follow(context: Any, client: Any, command: str) -> int:
    """Show lines while they come; the exit status."""
    follower = Follower(client, command, partial(_write, context.output), context.output.say)
    try:
        told = patiently(follower.follow)
    except KeyboardInterrupt:
        return _detach(command)
    except CannotFollow:
        context.output.say("This server shows output only at the end.")
        return _await(context, client, command)
    context.output.say(
        f"{told['StatusDetails']}: {told['CompletedCount']} of {told['TargetCount']} done, "
        f"{told['ErrorCount']} failed"
    )
    return answers.verdict(each["Status"] for each in answers.invocations(client, command))


def _write(output: Output, line: Line) -> None:
    if output.for_people:
        click.echo(f"{line.node} | {line.text}", err=line.stream == "stderr")
    else:
        told = {"Node": line.node, "Step": line.step, "Stream": line.stream, "Text": line.text}
        click.echo(json.dumps(told, ensure_ascii=False))


def _detach(command: str) -> int:
    click.echo(
        f"\nThe command goes on. Come back to it:  ostler commands follow {command}\n"
        f"Or stop it:                            ostler commands cancel {command}",
        err=True,
    )
    return 130
