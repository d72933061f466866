"""Outputs: where the whole output of a step lies, and how much of it the API shows."""

import re
from collections.abc import Sequence

from ostler.capabilities.commands.model.commands import Command, Step
from ostler.capabilities.commands.model.invocations import StepOutput
from ostler.foundation.ids import NodeId

STANDARD_OUTPUT = "stdout"
STANDARD_ERROR = "stderr"
STREAMS = (STANDARD_OUTPUT, STANDARD_ERROR)

_FOLDER = "ostler-output"
"""Where the house keeps whole output among its blobs."""

LONGEST_LINE = 200_000
"""Characters of one event in a log, which has room for a megabyte."""

STANDARD_OUTPUT_SHOWN = 24_000
STANDARD_ERROR_SHOWN = 8_000
COMBINED_SHOWN = 2_500
TRACE_SHOWN = 2_500
_TRUNCATED = "\n--output truncated--"
_BETWEEN = "\n----------ERROR-------\n"

_NOT_IN_GROUPS = re.compile(r"[^A-Za-z0-9._/#-]")
_BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def is_bucket_name(name: str) -> bool:
    """Whether a bucket could be called so."""
    return bool(_BUCKET.fullmatch(name)) and ".." not in name


def is_prefix(prefix: str) -> bool:
    """Whether keys may begin so, and stay inside their bucket where buckets are folders."""
    parts = prefix.strip("/").split("/")
    return prefix == "" or all(part not in ("", ".", "..") for part in parts)


def folder_of_step(command: Command, node: NodeId, step: Step) -> str:
    """The part of the key that AWS tells as OutputS3KeyPrefix of a plugin."""
    plugin = step.folder.partition("/")[0]
    return _joined(command.order.prefix, [command.id, node, plugin])


def key_of(command: Command, node: NodeId, step: Step, stream: str) -> str:
    """The key inside the bucket: AWS's layout."""
    return _joined(command.order.prefix, [command.id, node, step.folder, stream])


def blob_of(command: Command, node: NodeId, step: Step, stream: str) -> str:
    """The blob that holds a whole stream."""
    return f"{_FOLDER}/{key_of(command, node, step, stream)}"


def log_group_of(command: Command) -> str:
    """The log group that the order names, or the one that AWS names after the document."""
    name = command.document_name.rpartition("/")[2]
    return command.order.logging.group or f"/aws/ssm/{_NOT_IN_GROUPS.sub('.', name)}"


def log_stream_of(command: Command, node: NodeId, step: Step, stream: str) -> str:
    """The log stream, as the stock agent names it."""
    return f"{command.id}/{node}/{step.id.replace(':', '-')}/{stream}"


def lines_of(content: str) -> list[str]:
    """Events for a log: the lines that say something, and of overlong ones the parts."""
    return [
        line[at : at + LONGEST_LINE]
        for line in _storable(content).splitlines()
        for at in range(0, len(line), LONGEST_LINE)
    ]


def _joined(prefix: str, parts: Sequence[str]) -> str:
    return "/".join(part for part in (prefix.strip("/"), *parts) if part)


def shown(standard_output: str, standard_error: str, combined: str) -> StepOutput:
    """As much as the API shows. Agents cut before they send; others are cut here."""
    return StepOutput(
        _cut(_storable(standard_output), STANDARD_OUTPUT_SHOWN),
        _cut(_storable(standard_error), STANDARD_ERROR_SHOWN),
        _cut(_storable(combined or _together(standard_output, standard_error)), COMBINED_SHOWN),
    )


def shown_trace(trace: str) -> str:
    """As much of an agent's trace as the API shows."""
    return _storable(trace)[:TRACE_SHOWN]


def _together(standard_output: str, standard_error: str) -> str:
    return f"{standard_output}{_BETWEEN}{standard_error}" if standard_error else standard_output


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_TRUNCATED)] + _TRUNCATED


def _storable(text: str) -> str:
    # PostgreSQL has no character zero, and half a pair of surrogates is in no encoding.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
