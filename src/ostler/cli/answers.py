"""What the nodes answered to a command: nodes with the same answer together."""

import difflib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import click

from ostler.cli.client import every
from ostler.cli.output import Output


def invocations(client: Any, command: str, **given: Any) -> Iterable[dict[str, Any]]:
    """The command on each node that it was meant for."""
    listed = "list_command_invocations", "CommandInvocations"
    return every(client, *listed, CommandId=command, **given)


def verdict(statuses: Iterable[str]) -> int:
    """The exit status: 0 when every node succeeded; one that was never asked did not."""
    return 0 if set(statuses) == {"Success"} else 1


def show(client: Any, command: str, output: Output) -> int:
    """Show what each node answered; the exit status."""
    answers = [
        _answer(client, command, each) for each in invocations(client, command, Details=True)
    ]
    if not output.for_people:
        output.json(answers)
    elif not answers:
        output.say("No node was meant by this command. `ostler nodes` lists the nodes.")
    else:
        _tell(answers, output)
    return verdict(answer["Status"] for answer in answers)


def _answer(client: Any, command: str, invocation: dict[str, Any]) -> dict[str, Any]:
    """One node's answer; of a document with several steps, the steps' outputs together."""
    node = invocation["InstanceId"]
    output, error, code = "", "", -1
    for plugin in invocation.get("CommandPlugins") or [{}]:
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


def _tell(answers: list[dict[str, Any]], output: Output) -> None:
    groups: dict[tuple[Any, ...], list[str]] = {}
    for answer in answers:
        key = (answer["Status"], answer["ResponseCode"], answer["Output"], answer["Error"])
        groups.setdefault(key, []).append(answer["Node"])
    by_size = sorted(groups.items(), key=lambda at: -len(at[1]))
    most = by_size[0][0][2]
    for (status, code, text, error), names in by_size:
        ended = status if code < 0 else f"{status} (exit status {code})"
        output.say(f"── {ended}: {_names(names)}")
        if text:
            click.echo(_as_difference(text, most))
        if error:
            click.echo(error, nl=not error.endswith("\n"), err=True)
    counts = Counter(answer["Status"] for answer in answers)
    output.say(", ".join(f"{count} {status}" for status, count in counts.items()))


def _as_difference(text: str, most: str) -> str:
    """How the text differs from that of most nodes, where that is shorter to read."""
    if text == most:
        return text.rstrip("\n")
    lines = text.splitlines()
    changes = list(difflib.unified_diff(most.splitlines(), lines, lineterm="", n=1))[2:]
    return "\n".join(changes if 0 < len(changes) < len(lines) else lines)


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
