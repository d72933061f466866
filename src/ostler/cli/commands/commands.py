"""`ostler run` and `ostler commands`: run a script on many nodes, and look at what ran."""

import difflib
import json
import sys
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ostler.cli.client import every
from ostler.cli.commands.nodes import tag_of
from ostler.cli.following import ENDED, CannotFollow, Follower, Line
from ostler.cli.output import Output
from ostler.foundation.clock import SystemClock

COLUMNS = {
    "CommandId": "COMMAND",
    "DocumentName": "DOCUMENT",
    "StatusDetails": "STATUS",
    "Done": "DONE",
    "ErrorCount": "FAILED",
    "RequestedDateTime": "REQUESTED",
    "Comment": "COMMENT",
}
POLL = timedelta(milliseconds=300)


@click.command()
@click.argument("script", nargs=-1, required=True)
@click.option("--node", "nodes", multiple=True, metavar="ID", help="On this node (repeatable).")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="On nodes so tagged.")
@click.option("--all", "everywhere", is_flag=True, help="On every node.")
@click.option("--document", default="AWS-RunShellScript", help="What runs the script.")
@click.option("--concurrency", default="50", help="At once: a number or a percentage.")
@click.option("--max-errors", default="0", help="Stop after more failures than this.")
@click.option("--timeout", type=int, default=3600, help="Seconds that a node has to take it.")
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

    Ends with 0 when all nodes succeeded, with 1 when one did not. Ctrl-C leaves the command running
    and says how to come back to it.
    """
    client = context.connection.client()
    given: dict[str, Any] = {
        "DocumentName": document,
        "Parameters": {"commands": list(script)},
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
@click.pass_context
def commands(context: click.Context) -> None:
    """List the commands, or look at one."""
    if context.invoked_subcommand is not None:
        return
    found = list(every(context.obj.connection.client(), "list_commands", "Commands"))
    for command in found:
        command["Done"] = f"{command['CompletedCount']}/{command['TargetCount']}"
    context.obj.output.show(
        found, COLUMNS, empty="No command ran yet. `ostler run --all uptime` runs one."
    )


@commands.command()
@click.argument("command")
@click.pass_obj
def show(context: Any, command: str) -> None:
    """What COMMAND did on each node, nodes with the same answer together."""
    _show(context, context.connection.client(), command)


@commands.command()
@click.argument("command")
@click.pass_obj
def follow(context: Any, command: str) -> None:
    """Show what COMMAND's nodes write, from the beginning and while they write it."""
    sys.exit(_follow(context, context.connection.client(), command))


@commands.command("wait")
@click.argument("command")
@click.pass_obj
def wait_for(context: Any, command: str) -> None:
    """Wait for COMMAND to end, then show what it did."""
    sys.exit(_await(context, context.connection.client(), command))


@commands.command()
@click.argument("command")
@click.option("--node", "nodes", multiple=True, metavar="ID", help="Only on this node.")
@click.pass_obj
def cancel(context: Any, command: str, nodes: tuple[str, ...]) -> None:
    """Cancel COMMAND where it has not ended."""
    given: dict[str, Any] = {"InstanceIds": list(nodes)} if nodes else {}
    context.connection.client().cancel_command(CommandId=command, **given)
    context.output.say(f"{command} is being cancelled.")


def _whom(nodes: tuple[str, ...], tags: tuple[str, ...], everywhere: bool) -> dict[str, Any]:
    if sum(map(bool, (nodes, tags, everywhere))) != 1:
        raise click.UsageError("Say whom: --node ID, --tag KEY=VALUE or --all.")
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
        told = _wait(context, client, command)
    except KeyboardInterrupt:
        return _detach(command)
    _show(context, client, command)
    return 0 if told["Status"] == "Success" else 1


def _follow(context: Any, client: Any, command: str) -> int:
    """Show lines while they come; the exit status."""
    follower = Follower(client, command, partial(_write, context.output), context.output.say)
    try:
        told = follower.follow()
    except KeyboardInterrupt:
        return _detach(command)
    except CannotFollow:
        context.output.say("This server shows output only at the end.")
        return _await(context, client, command)
    context.output.say(
        f"{told['StatusDetails']}: {told['CompletedCount']} of {told['TargetCount']} done, "
        f"{told['ErrorCount']} failed"
    )
    return 0 if told["Status"] == "Success" else 1


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


def _wait(context: Any, client: Any, command: str) -> dict[str, Any]:
    """The command once it has ended; progress for people meanwhile."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} done, {task.fields[failed]} failed"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, transient=True, disable=not context.output.for_people) as progress:
        bar = progress.add_task(command, total=None, failed=0)
        while True:
            found = client.list_commands(CommandId=command)["Commands"]
            if not found:
                raise click.ClickException(f"There is no command {command}.")
            told: dict[str, Any] = found[0]
            progress.update(
                bar,
                total=told["TargetCount"],
                completed=told["CompletedCount"],
                failed=told["ErrorCount"],
                description=told["StatusDetails"],
            )
            if told["Status"] in ENDED:
                return told
            SystemClock().pause(POLL)


def _show(context: Any, client: Any, command: str) -> None:
    invocations = list(
        every(client, "list_command_invocations", "CommandInvocations", CommandId=command)
    )
    answers = [_answer(client, command, each) for each in invocations]
    if not context.output.for_people:
        context.output.json(answers)
        return
    if not answers:
        context.output.say("No node was meant by this command.")
    groups: dict[tuple[Any, ...], list[str]] = {}
    for answer in answers:
        key = (answer["Status"], answer["ResponseCode"], answer["Output"], answer["Error"])
        groups.setdefault(key, []).append(answer["Node"])
    by_size = sorted(groups.items(), key=lambda at: -len(at[1]))
    most = by_size[0][0][2] if by_size else ""
    for (status, code, output, error), names in by_size:
        context.output.console.rule(
            f"{status} (exit status {code}): {_names(names)}", align="left", style="dim"
        )
        click.echo(_as_difference(output, most))
        if error:
            click.echo(error, nl=not error.endswith("\n"), err=True)
    counts = Counter(answer["Status"] for answer in answers)
    context.output.say(", ".join(f"{count} {status}" for status, count in counts.items()))


def _answer(client: Any, command: str, invocation: dict[str, Any]) -> dict[str, Any]:
    """One node's answer; of a document with several steps, the steps' outputs together."""
    node = invocation["InstanceId"]
    plugins = client.list_command_invocations(CommandId=command, InstanceId=node, Details=True)[
        "CommandInvocations"
    ][0].get("CommandPlugins", [])
    output, error, code = "", "", -1
    for plugin in plugins or [{}]:
        named = {"PluginName": plugin["Name"]} if plugin else {}
        told = client.get_command_invocation(CommandId=command, InstanceId=node, **named)
        output += told["StandardOutputContent"]
        error += told["StandardErrorContent"]
        code = max(code, told["ResponseCode"])
    return {
        "Node": node,
        "Status": invocation["StatusDetails"],
        "ResponseCode": code,
        "Output": output,
        "Error": error,
    }


def _as_difference(output: str, most: str) -> str:
    """How the output differs from that of most nodes, where that is shorter to read."""
    if output == most:
        return output.rstrip("\n")
    lines = output.splitlines()
    changes = list(difflib.unified_diff(most.splitlines(), lines, lineterm="", n=1))[2:]
    return "\n".join(changes if 0 < len(changes) < len(lines) else lines)


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
