"""The verdict: once nothing goes wrong any more, everything must come to its end, and rightly."""

import asyncio
from collections.abc import Callable
from typing import Any

from ostler.agent.calls import Refused
from ostler.agent.network import REQUEST_TIMEOUT, NetworkFault
from tests.simulation.customer import SHELL, SHELL_STEP
from tests.simulation.host import TITLE

CONNECTED_WITHIN = 400.0
"""Seconds: an agent may wait a minute for an answer, two to notice that a line is dead, and one
before it tries again."""
ENDED_WITHIN = 1500.0
PROBED_WITHIN = 45.0
SETTLED_WITHIN = 40.0
LATE = 30.0
"""Seconds: with nothing in its way, a timer waits no longer than for a dead server's lease."""
_LOOK_EVERY = 1.0


class Verdict:
    """Looks at a world in which the sun shines again."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._machines = [each for each in world.machines if not each.deregistered]

    async def pass_(self) -> None:
        """Wait for everything to end, then look at everything."""
        for step in (self._connected, self._ended, self._told, self._probed):
            await step()
            if self._world.faults:
                return
        self._accepted()
        self._true()
        await self._timers()

    async def _connected(self) -> None:
        """Everybody finds the server again."""
        if not self._world.server.channels:
            # A request that was lost in the storm is waited for.
            await asyncio.sleep(REQUEST_TIMEOUT)
        await self._until(self._offline, CONNECTED_WITHIN, "is not connected")

    async def _ended(self) -> None:
        """Every command and every invocation ends."""
        await self._until(self._open, ENDED_WITHIN, "did not end")

    async def _told(self) -> None:
        """Agents have said all there is to say, and have heard all they have to hear."""
        await self._until(self._untold, ENDED_WITHIN, "is untold")

    async def _probed(self) -> None:
        """One node after the other does something more, and at once."""
        if not self._machines:
            return
        order = {
            "DocumentName": SHELL,
            "InstanceIds": [each.node for each in self._machines],
            "Parameters": {"commands": [f"{TITLE}{SHELL_STEP}"]},
            "MaxConcurrency": "1",
        }
        try:
            answer = await self._world.customer.ask("SendCommand", order)
        except (NetworkFault, Refused) as fault:
            self._world.fault(f"the last command was refused: {fault}")
            return
        command = answer["Command"]["CommandId"]
        await self._until(
            lambda: [line for line in self._open() if command in line],
            PROBED_WITHIN,
            "did not end",
        )
        kept = self._world.watch.commands.get(command)
        if kept is None or kept.outcome != "Success":
            self._world.fault(f"the last command came to {kept and kept.outcome}")

    def _offline(self) -> list[str]:
        names = [each.name for each in self._machines if not self._online(each)]
        return names if self._world.net.app is not None else [*names, "server"]

    def _online(self, machine: Any) -> bool:
        if not machine.alive or machine.agent is None:
            return False
        kind = machine.agent.channel.kind
        return kind == "ec2messages" or (bool(kind) and self._world.net.has_line(machine.name))

    def _open(self) -> list[str]:
        watch = self._world.watch
        return [
            *(f"command {command}" for command, kept in watch.commands.items() if not kept.ended),
            *(f"{key}: {kept.status}" for key, kept in watch.invocations.items() if not kept.final),
        ]

    def _untold(self) -> list[str]:
        nodes = {each.node for each in self._machines}
        return [
            *(
                f"{each.name}: {len(each.agent.reporter.pending)} replies"
                for each in self._machines
                if each.agent.reporter.pending
            ),
            *(
                f"{key}: {kept.owed}"
                for key, kept in self._world.watch.invocations.items()
                if kept.owed and key[1] in nodes
            ),
        ]

    def _accepted(self) -> None:
        for command in self._world.accepted:
            if command not in self._world.watch.commands:
                self._world.fault(f"command {command} was accepted and is lost")

    def _true(self) -> None:
        """What the server says of a step is what its machine has done."""
        hosts = {each.node: each.host for each in self._world.machines}
        for (command, node), kept in self._world.watch.invocations.items():
            host = hosts[node]
            exits = [host.codes.get((command, step), []) for step in kept.steps]
            left_out = any(codes[-1:] in ([168], [169]) for codes in exits)
            for step, (status, code, *_) in kept.steps.items():
                heard = host.codes.get((command, step), [])
                if (
                    status == "Success"
                    and heard[-1:] not in ([0], [168])
                    and (heard or not left_out)
                ):
                    self._world.fault(f"{step} of {command} on {node} is Success after {heard}")
                if status == "Failed" and code > 1 and code not in heard:
                    self._world.fault(f"{step} of {command} on {node} has {code} after {heard}")

    async def _timers(self) -> None:
        """What is due is done, by whoever was told of it: not when somebody happens to look."""
        await asyncio.sleep(SETTLED_WITHIN)
        now = self._world.loop.instant().timestamp() * 1e6
        for kind, key, due, dead, fault in self._world.watch.ask(
            "SELECT kind, key, due_at, dead_at, fault FROM timers"
        ):
            if dead is not None:
                self._world.fault(f"timer {kind} {key} is dead: {fault}")
            elif due < now - LATE * 1e6:
                self._world.fault(f"timer {kind} {key} is late by {(now - due) / 1e6} s: {fault}")

    async def _until(self, missing: Callable[[], list[str]], within: float, words: str) -> None:
        until = self._world.loop.time() + within
        while (left := missing()) and not self._world.faults:
            if self._world.loop.time() > until:
                self._world.fault(f"{within:.0f} s after the storm {words}: {'; '.join(left[:5])}")
                return
            await asyncio.sleep(_LOOK_EVERY)
