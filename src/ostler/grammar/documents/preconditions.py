"""Preconditions: whether a step is for this machine and these values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ostler.grammar.documents.faults import PreconditionFault
from ostler.grammar.documents.interpolation import interpolate
from ostler.grammar.documents.model import Step, text_of

PLATFORMS = ("Windows", "Linux", "MacOS")

_STORED = re.compile(r"\{\{\s*ssm(-secure)?:[\w/-]+\s*\}\}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the step may run, and why not; complaints about an otherwise true precondition
    mean that it was not understood."""

    holds: bool
    complaints: Sequence[str] = ()


def holds(step: Step, platform: str, values: Mapping[str, Any]) -> bool:
    """Whether `step` is for a machine of `platform`; PreconditionFault when that is unclear."""
    verdict = judge(step, platform, values)
    if verdict.holds and verdict.complaints:
        raise PreconditionFault(", ".join(verdict.complaints))
    return verdict.holds


def judge(step: Step, platform: str, values: Mapping[str, Any]) -> Verdict:
    """The verdict on all of a step's operators, with the words the agents have for it."""
    verdicts = [
        _string_equals(operands, platform, values)
        if operator == "StringEquals"
        else Verdict(True, [f'unrecognized operator: "{operator}"'])
        for operator, operands in step.precondition.items()
    ]
    return Verdict(
        all(verdict.holds for verdict in verdicts),
        [complaint for verdict in verdicts for complaint in verdict.complaints],
    )


def _string_equals(operands: Sequence[str], platform: str, values: Mapping[str, Any]) -> Verdict:
    complaint = '"StringEquals": {}'.format
    if len(operands) != 2:
        return Verdict(True, [complaint("operator accepts exactly 2 arguments")])
    left, right = operands
    if left == right:
        return Verdict(True, [complaint("operator's arguments can't be identical")])
    if any(_STORED.search(operand) for operand in operands):
        return Verdict(True, [complaint("operator's arguments can't contain SSM parameters")])
    unmet = Verdict(False, [complaint(f"[{left}, {right}]")])
    resolved = [text_of(interpolate(operand, values)) for operand in operands]
    if "platformType" in operands:
        index = 1 if left == "platformType" else 0
        if operands[index].lower() != resolved[index].lower():
            why = "the second argument for the platformType variable can't contain parameters"
            return Verdict(True, [complaint(why)])
        return Verdict(True) if operands[index].lower() == platform.lower() else unmet
    if resolved == [left, right]:
        why = "at least one of operator's arguments must contain a valid document parameter"
        return Verdict(True, [complaint(why)])
    return Verdict(True) if resolved[0] == resolved[1] else unmet


def platforms_of(step: Step) -> Sequence[str]:
    """The platforms that the step's precondition leaves, as far as it speaks of them."""
    for operator, operands in step.precondition.items():
        if operator == "StringEquals" and len(operands) == 2 and "platformType" in operands:
            wanted = {operand.lower() for operand in operands}
            return [platform for platform in PLATFORMS if platform.lower() in wanted]
    return PLATFORMS
