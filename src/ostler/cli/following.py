"""Following a command: what its nodes write, line by line, while they write it."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from ostler.cli.answers import invocations
from ostler.cli.waiting import ENDED, POLL, command_now
from ostler.foundation.clock import SystemClock

_UNKNOWN = {"UnknownOperationException", "NotYetImplemented", "InvalidAction"}

Decoder = codecs.getincrementaldecoder("utf-8")


class CannotFollow(Exception):
    """The server gives out no output before the end: it is AWS, or an older one of ours."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a node wrote."""

    node: str
    step: str
    stream: str
    text: str


@dataclass(slots=True)
class _Source:
    """One stream of one step on one node, and how far it has been read."""

    node: str
    step: str
    stream: str
    offset: int = 0
    begun: str = ""
    finished: bool = False
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: Decoder(errors="replace"))

    def take(self, content: bytes, finished: bool) -> Iterator[Line]:
        """The lines that are complete now; at the end what is left of one, too."""
        text = self.begun + self.decoder.decode(content, finished)
        *lines, self.begun = text.split("\n")
        if finished and self.begun:
            lines.append(self.begun)
            self.begun = ""
        self.finished = finished
        yield from (Line(self.node, self.step, self.stream, line) for line in lines)


class Follower:
    """Reads what the nodes of a command write; a node whose agent shows nothing is told of."""

    def __init__(
        self, client: Any, command: str, write: Callable[[Line], None], note: Callable[[str], None]
    ) -> None:
        self._client = client
        self._command = command
        self._write = write
        self._note = note
        self._sources: dict[tuple[str, str, str], _Source] = {}
        self._ended: set[str] = set()
        self._poor: set[str] = set()

    def follow(self) -> dict[str, Any]:
        """Write lines until the command has ended and all is written; the command as it ended."""
        clock = SystemClock()
        while True:
            told = command_now(self._client, self._command)
            if not self._round() and told["Status"] in ENDED:
                return told
            clock.pause(POLL)

    def _round(self) -> bool:
        """Read once what every node has written since; whether any may write more."""
        more = False
        for invocation in invocations(self._client, self._command, Details=True):
            node = invocation["InstanceId"]
            if node in self._ended or invocation["Status"] == "Pending":
                continue
            sources = [
                self._source(node, plugin["Name"], stream)
                for plugin in invocation.get("CommandPlugins", [])
                if plugin["Status"] != "Pending"
                for stream in ("stdout", "stderr")
            ]
            for source in sources:
                self._read(source)
            if invocation["Status"] in ENDED and all(source.finished for source in sources):
                self._ended.add(node)
            else:
                more = True
        return more

    def _source(self, node: str, step: str, stream: str) -> _Source:
        return self._sources.setdefault((node, step, stream), _Source(node, step, stream))

    def _read(self, source: _Source) -> None:
        while not source.finished:
            part = self._ask(source)
            for line in source.take(part["Content"], part["Finished"]):
                self._write(line)
            source.offset = part["NextOffset"]
            if not part["Whole"] and source.node not in self._poor:
                self._poor.add(source.node)
                self._note(
                    f"{source.node}: not all of its output is here: its agent brings it when a "
                    "step has ended, no more than the API keeps, or there was more than is kept."
                )
            if not part["Content"]:
                return

    def _ask(self, source: _Source) -> Any:
        try:
            return self._client.get_command_output(
                CommandId=self._command,
                InstanceId=source.node,
                PluginName=source.step,
                Stream=source.stream,
                Offset=source.offset,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _UNKNOWN:
                raise CannotFollow from error
            raise
