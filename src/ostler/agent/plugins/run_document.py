"""aws:runDocument: the steps of another document, as one step of this one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ostler.agent import scripts
from ostler.agent.outcomes import document_status
from ostler.agent.output import file_name
from ostler.agent.plugins import DONE, Ending, StepFault, Surroundings
from ostler.agent.steps import left_out, run_step
from ostler.agent.supervision import unless_stopped
from ostler.grammar.documents import (
    LARGEST,
    Document,
    DocumentFault,
    Kind,
    ParameterFault,
    parse,
    rebind,
)
from ostler.wire.agent.jobs import ReplyStatus

DEEPEST = 3
_NOTHING = "AWS-Noop"


async def run(inputs: Mapping[str, Any], at: Surroundings) -> Ending:
    kind, path = _wanted(inputs)
    if at.depth + 1 > DEEPEST:
        raise StepFault(f"Documents may run documents {DEEPEST} deep; {path} would be deeper.")
    if path == _NOTHING:
        return DONE
    content = await _content(kind, path, at)
    try:
        document = parse(content, "JSON" if content.lstrip().startswith("{") else "YAML")
        values = rebind(document, given_of(inputs, document)).values
    except (DocumentFault, ParameterFault) as fault:
        raise StepFault(f"The document {path} cannot be run: {fault.message}") from fault
    return await _run_all(document, values, at)


def name_and_version(path: str) -> tuple[str, str]:
    """A document's name or ARN, and the version behind its last colon."""
    folder, slash, last = path.rpartition("/")
    if not slash and path.startswith("arn:"):
        return path, ""
    name, _, version = last.partition(":")
    return f"{folder}{slash}{name}", version


def given_of(inputs: Mapping[str, Any], document: Document) -> dict[str, Any]:
    """The values for the document's parameters; null means its default."""
    given = inputs.get("documentParameters") or {}
    if isinstance(given, str):
        given = _read(given)
    if not isinstance(given, dict):
        raise StepFault("The input documentParameters must be a map.")
    return {
        name: _fitted(document, name, value) for name, value in given.items() if value is not None
    }


def _wanted(inputs: Mapping[str, Any]) -> tuple[str, str]:
    kind = scripts.text_input(inputs, "documentType")
    path = scripts.text_input(inputs, "documentPath")
    if kind not in ("SSMDocument", "LocalPath"):
        raise StepFault("The input documentType must be SSMDocument or LocalPath.")
    if not path:
        raise StepFault("The input documentPath must say which document.")
    return kind, path


async def _content(kind: str, path: str, at: Surroundings) -> str:
    if kind == "SSMDocument":
        return await unless_stopped(at.sources.document(*name_and_version(path)), at.stop)
    file = Path(path) if Path(path).is_absolute() else at.downloads / path
    return at.host.read(file, LARGEST).decode("utf-8", "replace")


def _read(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError as fault:
        raise StepFault(f"The input documentParameters is not JSON: {fault}") from fault


def _fitted(document: Document, name: str, value: Any) -> Any:
    """One text where a list is declared is a list of one."""
    declared = document.parameters.get(name)
    if declared is not None and declared.kind is Kind.STRING_LIST and isinstance(value, str):
        return [value]
    return value


async def _run_all(document: Document, values: Mapping[str, Any], at: Surroundings) -> Ending:
    ended: list[tuple[str, int]] = []
    for index, step in enumerate(document.steps):
        outcome = left_out(document, index, values, ended, at.platform)
        if at.stop.cancelled:
            ended.append((ReplyStatus.CANCELLED, 1))
        elif outcome is not None:
            at.output.say("stderr" if outcome.stderr else "stdout", f"{outcome.said}\n")
            ended.append((outcome.status, outcome.reported_code))
        else:
            inner = at.inside(file_name(step.name))
            ending = await run_step(document, index, values, inner)
            ended.append((ending.status, ending.code))
    if any(status == ReplyStatus.SUCCESS_AND_REBOOT for status, _ in ended):
        raise StepFault(
            "A step of the document asked for a reboot (exit code 194); only a step of the "
            "command itself can be gone on with after one."
        )
    status = document_status([ReplyStatus(status) for status, _ in ended])
    if status is ReplyStatus.SUCCESS:
        return DONE
    return Ending(status, next(code for state, code in ended if state == status) or 1)
