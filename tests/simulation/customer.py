"""The customer: signs calls with the administrator's key, and orders what a seed says."""

from collections.abc import Mapping
from random import Random
from typing import Any

from ostler.agent.calls import json_request, read_answer
from ostler.foundation.clock import Clock
from ostler.wire import sigv4
from ostler.wire.http import Request
from tests.simulation.host import TITLE
from tests.simulation.network import HOST, Access

ACCOUNT = "111122223333"
REGION = "eu-west-1"
ACCESS_KEY = "AKIASIMULATION000001"
SECRET_KEY = "a-secret-of-forty-characters-for-tests-x"

SHELL = "AWS-RunShellScript"
SHELL_STEP = "aws:runShellScript"
TWO_STEPS = "Two-Steps"
TWO_STEPS_CONTENT: Mapping[str, Any] = {
    "schemaVersion": "2.2",
    "description": "Two scripts, one after the other.",
    "parameters": {
        "first": {"type": "StringList"},
        "second": {"type": "StringList"},
        "limit": {"type": "String", "default": "60"},
    },
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": name,
            "inputs": {
                "timeoutSeconds": "{{ limit }}",
                "runCommand": f"{{{{ {name} }}}}",
            },
        }
        for name in ("first", "second")
    ],
}


class Customer:
    """Calls the API as anybody does who has a key."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self._access = access
        self._clock = clock

    async def ask(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of an operation; Refused, NetworkFault."""
        request = json_request("ssm", operation, given)
        headers = {"host": HOST, **request.headers}
        signed = sigv4.sign(
            Request(request.method, request.path, "", headers, request.body),
            access_key=ACCESS_KEY,
            secret=SECRET_KEY,
            session_token=None,
            region=REGION,
            service="ssm",
            at=self._clock.now(),
        )
        return read_answer(await self._access.send(signed))


def an_order(chance: Random, nodes: Mapping[str, str], *, patient: bool) -> dict[str, Any]:
    """What SendCommand is given: some document, for some nodes, with some limits.

    `nodes` has the nodes' ids by their names, which are their tags, too.
    """
    order: dict[str, Any] = {
        "TimeoutSeconds": 3600 if patient else chance.choice((30, 60, 300, 3600)),
        "MaxConcurrency": chance.choice(("1", "2", "50%", "50", "100%")),
        "MaxErrors": chance.choice(("0", "1", "50%", "100%")),
    }
    names = chance.sample(list(nodes), chance.randint(1, len(nodes)))
    if chance.random() < 0.6:
        order["InstanceIds"] = [nodes[name] for name in names]
    else:
        order["Targets"] = [{"Key": "tag:name", "Values": names}]
    limit = chance.choice((5, 20, 60))
    if chance.random() < 0.6:
        order["DocumentName"] = SHELL
        order["Parameters"] = {
            "commands": a_script(chance, SHELL_STEP),
            "executionTimeout": [str(limit)],
        }
    else:
        order["DocumentName"] = TWO_STEPS
        order["Parameters"] = {
            "first": a_script(chance, "first"),
            "second": a_script(chance, "second"),
            "limit": [str(limit)],
        }
    return order


def a_small_order(chance: Random, node: str) -> dict[str, Any]:
    """A short script for one node."""
    lines = [f"{TITLE}{SHELL_STEP}", f"sleep {chance.choice((1, 2, 5))}"]
    return {
        "DocumentName": SHELL,
        "Parameters": {"commands": lines},
        "InstanceIds": [node],
    }


def a_script(chance: Random, step: str) -> list[str]:
    """The lines of a script: quick or slow, fine or failing, with a reboot now and then."""
    lines = [f"{TITLE}{step}"]
    kind = chance.random()
    if kind < 0.1:
        lines.append(f"reboot {chance.choice((1, 1, 2))}")
    elif kind < 0.15:
        lines.append("trap '' TERM")
    if chance.random() < 0.7:
        lines.append(f"echo {'x' * chance.choice((1, 20, 3000))}")
    if chance.random() < 0.6:
        lines.append(f"sleep {chance.choice((1, 1, 3, 10, 30, 100))}")
    if chance.random() < 0.2:
        lines.append("echo oh >&2")
    if chance.random() < 0.25:
        lines.append(f"exit {chance.choice((1, 3, 168, 169))}")
    return lines
