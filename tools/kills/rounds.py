"""Rounds: one command to everybody, blows meanwhile, and what must hold afterwards."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.kills.scene import ROLE, Scene

PATIENCE = 240.0
"""Seconds within which a command ends once everybody is back; agents wait up to a minute."""
STAGE = 4.0
"""Seconds in which blows fall; a command takes about as long without any."""
FINAL = {"Success", "Failed", "TimedOut", "Cancelled"}


@dataclass(frozen=True)
class Blow:
    """Who is killed, when, and how long it stays dead."""

    at: float
    whom: str
    down: float

    def __str__(self) -> str:
        down = f" for {self.down:.1f}" if self.down and self.whom != "lines" else ""
        return f"{self.whom} at {self.at:.2f} s{down}"


@dataclass
class Report:
    """What happened in a round, and what should not have."""

    number: int
    blows: list[Blow]
    took: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    answered: bool = True
    """Whether the caller heard that the command was accepted; otherwise there may be one or not."""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        what = ", ".join(map(str, self.blows)) or "nobody"
        ended = ", ".join(f"{count} {status}" for status, count in self.statuses.items())
        said = "" if self.answered else " (SendCommand was not answered)"
        end = f"{ended or 'no command'} in {self.took:.1f} s{said}"
        return f"round {self.number}: killed {what}; {end}"


async def live(scene: Scene, number: int) -> Report:
    """One round."""
    chance = random.Random(f"{scene.seed}-{number}")
    report = Report(number, _blows(chance, scene))
    began = time.monotonic()
    sending = asyncio.create_task(_send(scene, chance, number))
    falling = [asyncio.create_task(_fall(scene, blow)) for blow in report.blows]
    command = await sending
    await asyncio.gather(*falling)
    if command is None:
        report.answered = False
        command = await _look_for(scene, number)
    if command is not None:
        await _end(scene, report, command)
    report.took = time.monotonic() - began
    return report


async def settle(scene: Scene) -> list[str]:
    """What is wrong with the scene once all its rounds are over."""
    faults = [f"begun again: {job}" for job in scene.fleet.twice()]
    unheard = 0
    for _ in range(300):
        unheard = scene.fleet.unheard
        if not unheard:
            break
        await asyncio.sleep(0.1)
    if unheard:
        faults.append(f"{unheard} replies were never acknowledged")
    dead = scene.ask("SELECT kind, key, fault FROM timers WHERE dead_at IS NOT NULL")
    faults += [f"timer given up: {timer}" for timer in dead]
    return faults


def _blows(chance: random.Random, scene: Scene) -> list[Blow]:
    count = chance.randint(1, 4)
    # One blow falls about the moment in which the command is accepted, which takes milliseconds.
    return [
        Blow(
            at=chance.choice((chance.uniform(0, STAGE), chance.uniform(0.05, 0.25))),
            whom=chance.choice(scene.victims),
            down=chance.choice((0.0, 0.0, chance.uniform(0, 3))),
        )
        for _ in range(count)
    ]


async def _fall(scene: Scene, blow: Blow) -> None:
    await asyncio.sleep(blow.at)
    await scene.kill(blow.whom, blow.down)


async def _send(scene: Scene, chance: random.Random, number: int) -> str | None:
    """The command's id; None when nobody answered, or not that it was accepted."""
    await asyncio.sleep(0.1)
    marks = scene.marks / "$SSM_COMMAND_ID"
    script = f"echo $AWS_SSM_INSTANCE_ID >> {marks}; sleep {chance.uniform(0, 1):.2f}; echo done"
    given = {
        "DocumentName": "AWS-RunShellScript",
        "Targets": [{"Key": "tag:role", "Values": [ROLE]}],
        "Parameters": {"commands": [script]},
        "MaxConcurrency": chance.choice(("100%", "100%", "50%", "25")),
        "MaxErrors": "100%",
        "TimeoutSeconds": 3600,
        "Comment": _comment(scene, number),
    }
    try:
        sent = await asyncio.to_thread(scene.ssm.send_command, **given)
    except (BotoCoreError, ClientError):
        return None
    return str(sent["Command"]["CommandId"])


def _comment(scene: Scene, number: int) -> str:
    return f"seed {scene.seed} round {number}"


async def _ask(scene: Scene, operation: str, **given: Any) -> Any:
    """The answer, however often it has to be asked for."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return await asyncio.to_thread(getattr(scene.ssm, operation), **given)
        except (BotoCoreError, ClientError):
            if time.monotonic() > end:
                raise
        await asyncio.sleep(0.3)


async def _look_for(scene: Scene, number: int) -> str | None:
    """The command of a caller who got no answer, if there is one."""
    found = await _ask(scene, "list_commands", MaxResults=5)
    for command in found["Commands"]:
        if command.get("Comment") == _comment(scene, number):
            return str(command["CommandId"])
    return None


async def _end(scene: Scene, report: Report, command: str) -> None:
    """Wait for the command's end, and look at everything it left."""
    end = time.monotonic() + PATIENCE
    while True:
        listed = (await _ask(scene, "list_commands", CommandId=command))["Commands"]
        if not listed:
            report.faults.append(f"the accepted command {command} is lost")
            return
        told = listed[0]
        if told["Status"] in FINAL:
            break
        if time.monotonic() > end:
            report.faults.append(f"{command} does not end: {told['Status']}")
            break
        await asyncio.sleep(0.2)
    every = await _invocations(scene, command)
    report.statuses.update(one["StatusDetails"] for one in every)
    _look_at_sums(scene, report, told, every)
    agents = {agent.node: number for number, agent in enumerate(scene.agents)}
    killed = {blow.whom for blow in report.blows}
    for one in every:
        number = agents.get(one["InstanceId"])
        if number is None:
            if one["Status"] != "Success":
                report.faults.append(f"{one['InstanceId']} ended {one['StatusDetails']}")
        else:
            await _look_at_agent(scene, report, one, f"agent {number}" in killed)


async def _invocations(scene: Scene, command: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    given: dict[str, Any] = {"CommandId": command, "MaxResults": 50}
    while True:
        page = await _ask(scene, "list_command_invocations", **given)
        found += page["CommandInvocations"]
        if "NextToken" not in page:
            return found
        given["NextToken"] = page["NextToken"]


def _look_at_sums(
    scene: Scene, report: Report, told: dict[str, Any], every: list[dict[str, Any]]
) -> None:
    count = len(scene.fleet.nodes) + len(scene.agents)
    final = sum(one["Status"] in FINAL for one in every)
    bad = sum(one["Status"] in FINAL - {"Success"} for one in every)
    if not count == len(every) == final == told["TargetCount"] == told["CompletedCount"]:
        report.faults.append(
            f"{count} nodes, {len(every)} invocations, {final} of them final, and the command says "
            f"{told['CompletedCount']} of {told['TargetCount']}"
        )
    if bad != told["ErrorCount"]:
        report.faults.append(f"{bad} went wrong, the command says {told['ErrorCount']}")


async def _look_at_agent(scene: Scene, report: Report, one: dict[str, Any], killed: bool) -> None:
    """A real agent's step began once at most, and what is said of it is what it did."""
    command, node = one["CommandId"], one["InstanceId"]
    marks = scene.marks / command
    begun = marks.read_text().split().count(node) if marks.exists() else 0
    answer = await _ask(scene, "get_command_invocation", CommandId=command, InstanceId=node)
    said = answer["StandardOutputContent"]
    if begun > 1:
        report.faults.append(f"{node} began {begun} times")
    if one["Status"] == "Success" and (begun, said) != (1, "done\n"):
        report.faults.append(f"{node} is said to have succeeded: begun {begun}, said {said!r}")
    if one["Status"] == "Failed" and "interrupted" not in answer["StandardErrorContent"]:
        report.faults.append(f"{node} failed: {answer['StandardErrorContent']!r}")
    if one["Status"] != "Success" and not killed:
        report.faults.append(f"{node} was not killed, and ended {one['StatusDetails']}")
