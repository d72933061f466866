"""aws:updateSsmAgent: the agent itself, brought to the version that its server offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostler.agent import VERSION, scripts
from ostler.agent.plugins import DONE, Ending, StepFault, Surroundings
from ostler.agent.supervision import unless_stopped
from ostler.wire.agent.jobs import ReplyStatus

NAMES = ("amazon-ssm-agent", "ostler-agent")
"""AWS's documents say the first and mean the agent that reads them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which version; any, if empty, and an older one only if that is allowed."""

    version: str
    downgrade: bool


async def run(inputs: Mapping[str, Any], at: Surroundings) -> Ending:
    wanted = wanted_of(inputs)
    if at.depth:
        raise StepFault("aws:updateSsmAgent has to be a step of the document that is sent.")
    asked_by = f"{at.environment.get('SSM_COMMAND_ID', '')}:{at.folder.name}"
    verdict = at.updates.verdict(asked_by)
    if verdict is not None and verdict.accepted:
        at.output.say("stdout", f"The agent is {verdict.version} now.\n")
        return DONE
    if verdict is not None:
        raise StepFault(
            f"{verdict.version} did not report in time and was rolled back; the agent is "
            f"{at.updates.current} as before. {verdict.why}"
        )
    offer = await unless_stopped(at.updates.offered(), at.stop)
    if complaint := refusal(wanted, offer.version):
        raise StepFault(complaint)
    if offer.name == at.updates.current:
        at.output.say("stdout", f"The agent is {offer.name} already.\n")
        return DONE
    at.output.say("stdout", f"From {at.updates.current} to {offer.name}\n")
    version = await unless_stopped(at.updates.fetch(offer), at.stop)
    await unless_stopped(at.updates.hand_over(version, asked_by), at.stop)
    return Ending(ReplyStatus.IN_PROGRESS)


def wanted_of(inputs: Mapping[str, Any]) -> Wanted:
    """What is to be installed. `source` is the stock agent's: ours comes from its server alone."""
    name = scripts.text_input(inputs, "agentName")
    if name and name not in NAMES:
        raise StepFault(f"The input agentName must be {' or '.join(NAMES)}, not {name}.")
    version = scripts.text_input(inputs, "targetVersion")
    allowed = str(inputs.get("allowDowngrade") or "false").lower()
    if allowed not in ("true", "false"):
        raise StepFault(f"The input allowDowngrade must be true or false, not {allowed}.")
    return Wanted("" if version == "latest" else version, allowed == "true")


def refusal(wanted: Wanted, offered: str, present: str = VERSION) -> str:
    """Why what is offered is not to be installed; empty when it is."""
    if wanted.version and _numbers(wanted.version) != _numbers(offered):
        return f"The server offers {offered}, not {wanted.version}."
    if _numbers(offered) < _numbers(present) and not wanted.downgrade:
        return f"{offered} is older than {present}: allowDowngrade must be true for that."
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version; AWS writes four, the last of them 0."""
    numbers = [int(part) for part in version.split(".") if part.isdecimal()]
    return tuple(numbers + [0] * (4 - len(numbers)))
