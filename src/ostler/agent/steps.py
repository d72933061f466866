"""Steps: which of a document's steps run on this machine, and what their ends mean."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ostler.agent import plugins
from ostler.agent.calls import Refused
from ostler.agent.host import HostFault
from ostler.agent.network import NetworkFault
from ostler.agent.outcomes import FAIL_AND_EXIT, STOPPED, SUCCEED_AND_EXIT, Outcome, failed, skipped
from ostler.agent.output import StepOutput
from ostler.agent.plugins import Ending, StepFault, Surroundings
from ostler.agent.supervision import Interrupted, Unwanted
from ostler.grammar.documents import (
    Document,
    Step,
    environment_of,
    flow_of,
    inputs_of,
    is_left_out,
    judge,
)
from ostler.grammar.documents.plugins import PLUGINS
from ostler.wire.agent.jobs import ReplyStatus

_WORST = (
    ReplyStatus.SUCCESS,
    ReplyStatus.SUCCESS_AND_REBOOT,
    ReplyStatus.FAILED,
    ReplyStatus.CANCELLED,
    ReplyStatus.TIMED_OUT,
    ReplyStatus.IN_PROGRESS,
)


def left_out(
    document: Document,
    index: int,
    values: Mapping[str, Any],
    ended: Sequence[tuple[str, int]],
    platform: str,
) -> Outcome | None:
    """How a step ends without having run; None when it is to run."""
    step = document.steps[index]
    flows = [flow_of(inputs_of(each, values, document)) for each in document.steps]
    if is_left_out(index, flows, ended):
        return skipped(f"Step {step.name} ({step.action}) was left out: an earlier step ended it.")
    known = PLUGINS.get(step.action)
    runs_here = known is not None and platform in known.platforms
    if not document.has_preconditions:
        return _left_out_without_preconditions(step, runs_here, platform)
    verdict = judge(step, platform, values)
    why = ", ".join(verdict.complaints)
    if known is None:
        return _unmet(step, why) if not verdict.holds else _unknown(step)
    if not runs_here:
        return skipped(f"Step {step.name} was skipped: {step.action} is not for {platform}.")
    if not verdict.holds:
        return _unmet(step, why)
    if verdict.complaints:
        return failed(f"The precondition of step {step.name} is not understood: {why}.")
    return None if step.action in plugins.BUILT else _unknown(step)


def _left_out_without_preconditions(step: Step, runs_here: bool, platform: str) -> Outcome | None:
    """What schemas before 2.2 demand: there is no skipping."""
    if step.precondition:
        return failed(f"Step {step.name} has a precondition, which needs schema version 2.2.")
    if step.action in PLUGINS and not runs_here:
        return failed(f"Step {step.name} cannot run: {step.action} is not for {platform}.")
    return None if step.action in plugins.BUILT else _unknown(step)


def _unknown(step: Step) -> Outcome:
    return failed(f"Step {step.name} cannot run: this agent has no plugin {step.action}.")


def _unmet(step: Step, why: str) -> Outcome:
    return skipped(f"Step {step.name} was skipped: its precondition does not hold: {why}.")


async def run_step(
    document: Document,
    index: int,
    values: Mapping[str, Any],
    at: Surroundings,
) -> Ending:
    """Run a step; what it says is in its output, an explanation of its failure included."""
    step = document.steps[index]
    inputs = inputs_of(step, values, document)
    at = replace(at, environment={**at.environment, **environment_of(values, document)})
    # In schema 1.x a plugin may have several lists of inputs: they run in turn.
    turns = inputs if isinstance(inputs, list) else [inputs]
    endings = [await _run(step.action, turn, at) for turn in turns]
    worst = max((ending.status for ending in endings), key=_WORST.index)
    code = next((ending.code for ending in endings if ending.code), 0)
    return settled(Ending(worst, code), flow_of(inputs).on_failure, at)


async def _run(action: str, inputs: Any, at: Surroundings) -> Ending:
    try:
        if not isinstance(inputs, dict):
            raise StepFault(f"The inputs of {action} must be a map.")
        if at.stop.shutdown:
            raise Interrupted
        return await plugins.run(action, inputs, at)
    except Unwanted:
        return Ending(ReplyStatus.CANCELLED, STOPPED)
    except (StepFault, HostFault, Refused, NetworkFault) as fault:
        at.output.say("stderr", f"{fault}\n")
        return Ending(ReplyStatus.FAILED, 1)


def settled(ending: Ending, on_failure: str, at: Surroundings) -> Ending:
    """What a step's end comes to, once exit codes and flow have had their say."""
    if ending.code == SUCCEED_AND_EXIT and ending.status is ReplyStatus.FAILED:
        at.output.say(
            "stdout", "\nExit code 168: the step has succeeded, the steps after it are left out.\n"
        )
        return Ending(ReplyStatus.SUCCESS, SUCCEED_AND_EXIT)
    if ending.code == FAIL_AND_EXIT and ending.status is ReplyStatus.FAILED:
        at.output.say(
            "stderr", "\nExit code 169: the step has failed, the steps after it are left out.\n"
        )
        return ending
    if ending.status is ReplyStatus.FAILED and on_failure in ("exit", "successAndExit"):
        at.output.say("stderr", f"\nonFailure is {on_failure}: the steps after it are left out.\n")
        if on_failure == "successAndExit":
            return Ending(ReplyStatus.SUCCESS, SUCCEED_AND_EXIT)
    return ending


def outcome_of(ending: Ending, output: StepOutput) -> Outcome:
    """A step's end with what it said, as far as replies may need it."""
    stderr = "" if ending.code == SUCCEED_AND_EXIT else output.head("stderr")
    return Outcome(ending.status, ending.code, output.head("stdout"), stderr)
