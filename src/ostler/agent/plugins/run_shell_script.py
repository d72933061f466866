"""aws:runShellScript: lines for the machine's sh."""

from collections.abc import Mapping
from typing import Any

from ostler.agent import scripts
from ostler.agent.plugins import Ending, Surroundings


async def run(inputs: Mapping[str, Any], at: Surroundings) -> Ending:
    return await scripts.run(script_of(inputs), at)


def script_of(inputs: Mapping[str, Any]) -> scripts.Script:
    """What is to be run."""
    return scripts.Script(
        text=scripts.lines_of(inputs),
        file="_script.sh",
        arguments=("sh",),
        folder=scripts.text_input(inputs, "workingDirectory"),
        limit=scripts.limit_of(inputs),
        environment=scripts.environment_of(inputs),
    )
