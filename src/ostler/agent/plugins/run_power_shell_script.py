"""aws:runPowerShellScript: lines for PowerShell, where it is installed."""

from collections.abc import Mapping
from typing import Any

from ostler.agent import scripts
from ostler.agent.plugins import Ending, StepFault, Surroundings

_OPTIONS = ("-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File")


async def run(inputs: Mapping[str, Any], at: Surroundings) -> Ending:
    return await scripts.run(script_of(inputs, at.host.find("pwsh")), at)


def script_of(inputs: Mapping[str, Any], shell: str | None) -> scripts.Script:
    """What is to be run, with the PowerShell that was found."""
    if shell is None:
        raise StepFault(
            "PowerShell is not installed on this node: there is no program pwsh in its path."
        )
    return scripts.Script(
        # Without the last line a failing program at the end would count as success.
        text=scripts.lines_of(inputs) + "exit $LASTEXITCODE\n",
        file="_script.ps1",
        arguments=(shell, *_OPTIONS),
        folder=scripts.text_input(inputs, "workingDirectory"),
        limit=scripts.limit_of(inputs),
        # PowerShell does not start without a home, and colours its output for a terminal.
        environment={"HOME": "/", "TERM": "dumb", **scripts.environment_of(inputs)},
    )
