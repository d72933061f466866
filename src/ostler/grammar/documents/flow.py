"""Flow: which steps are left out once an earlier one has ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

EXIT_WITH_SUCCESS = 168
EXIT_WITH_FAILURE = 169
EXIT_AND_REBOOT = 194


@dataclass(frozen=True, slots=True)
class Flow:
    """What a step's inputs say about the steps after it."""

    on_failure: str = ""
    on_success: str = ""
    finally_step: bool = False


def flow_of(inputs: Any) -> Flow:
    """The flow in a step's interpolated inputs: agents read it there, and nowhere else."""
    if not isinstance(inputs, dict):
        return Flow()
    return Flow(
        on_failure=_word(inputs.get("onFailure")),
        on_success=_word(inputs.get("onSuccess")),
        finally_step=_word(inputs.get("finallyStep")) == "true",
    )


def is_left_out(index: int, flows: Sequence[Flow], ended: Sequence[tuple[str, int]]) -> bool:
    """Whether step `index` is skipped, given the status and exit code of each step before it."""
    if flows[index].finally_step and index == len(flows) - 1:
        return False
    return any(
        code in (EXIT_WITH_SUCCESS, EXIT_WITH_FAILURE)
        or (status == "Failed" and flow.on_failure == "exit")
        or (status == "Success" and flow.on_success == "exit")
        for (status, code), flow in zip(ended, flows, strict=False)
    )


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else ""
