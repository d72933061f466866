"""Gatherers: what the machine has, one inventory type each. A module offers `gather`.

A gatherer gives the entries of its type, or None where the machine cannot have such things; it
touches the machine through the host alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ostler.agent.host import Host, Program
from ostler.agent.plugins import StepFault, Surroundings
from ostler.agent.supervision import Cause, supervise

Entry = dict[str, str]

LARGEST_LISTING = 32 * 1024 * 1024


async def listing(arguments: Sequence[str], at: Surroundings) -> str | None:
    """What a program of the machine lists; None where there is no such program.

    StepFault when it fails, takes too long or says too much.
    """
    if at.host.find(arguments[0]) is None:
        return None
    said: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

    def take(stream: str, data: bytes) -> None:
        if len(said[stream]) <= LARGEST_LISTING:
            said[stream] += data

    # Words in a language that is known, whatever the machine speaks.
    program = Program(arguments, at.here, {**at.environment, "LC_ALL": "C.UTF-8"})
    process = at.host.start(program, take)
    at.began(process.leader)
    end = await supervise(process, at.clock, limit=at.limit, stop=at.stop)
    if end.cause is not Cause.ITSELF or end.code != 0:
        words = said["stderr"].decode(errors="replace").strip()[:500]
        raise StepFault(f"{arguments[0]} ended with {end.code}: {words}")
    if len(said["stdout"]) > LARGEST_LISTING:
        raise StepFault(f"{arguments[0]} listed more than {LARGEST_LISTING} bytes.")
    return said["stdout"].decode(errors="replace")


def fields(line: str, names: Sequence[str]) -> Entry:
    """A line's values between tabs, under these names; what is empty or "(none)" is left out."""
    values = (value.strip() for value in line.split("\t"))
    named = zip(names, values, strict=False)
    return {name: value for name, value in named if value and value != "(none)"}


def settings(host: Host, path: Path, *, limit: int = 1024 * 1024) -> Sequence[Mapping[str, str]]:
    """A file of paragraphs with `key: value` lines, as /proc/cpuinfo is."""
    text = host.read(path, limit).decode(errors="replace")
    paragraphs = []
    for paragraph in text.split("\n\n"):
        pairs = (line.partition(":") for line in paragraph.splitlines())
        found = {key.strip(): value.strip() for key, colon, value in pairs if colon}
        if found:
            paragraphs.append(found)
    return paragraphs
