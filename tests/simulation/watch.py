"""The watch: looks at what is committed, each time something is, and says what must not be."""

import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostler.capabilities.commands.model import Status
from ostler.capabilities.commands.model.statuses import SENT
from ostler.grammar.rollouts import Rollout
from ostler.wire.agent import frames, jobs
from ostler.wire.agent.channels import MessageType
from ostler.wire.agent.jobs import JobReply, ReplyAck, ReplyContent, ReplyStatus
from ostler.wire.http import Request, Response

Key = tuple[str, str]
"""A command's id and a node's."""

_RUNNING = {status.value for status in SENT}
_FINAL = {status.value for status in Status if status.final}
_ENDED = {
    ReplyStatus.SUCCESS,
    ReplyStatus.FAILED,
    ReplyStatus.TIMED_OUT,
    ReplyStatus.CANCELLED,
    ReplyStatus.SKIPPED,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """An invocation as the database has it."""

    status: str
    ended: int | None
    received: int | None
    closed: bool
    owed: str
    steps: Mapping[str, Any]

    @property
    def final(self) -> bool:
        return self.status in _FINAL


@dataclass(frozen=True, slots=True)
class KeptCommand:
    """A command as the database has it."""

    outcome: str
    ended: int | None
    tally: Mapping[str, int]
    terms: Mapping[str, Any]


class Watch:
    """Knows all that was ever committed about commands."""

    def __init__(self, database: Path, fault: Callable[[str], None]) -> None:
        self._database = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        self._fault = fault
        self._version = -1
        self.commands: dict[str, KeptCommand] = {}
        self.invocations: dict[Key, Kept] = {}
        self.outputs: dict[tuple[str, str, str], tuple[str, str]] = {}
        self._said: dict[str, tuple[str, str]] = {}

    def close(self) -> None:
        self._database.close()

    # After every commit.

    def look(self) -> None:
        """Compare what is committed now with what was before."""
        (version,) = self._database.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        self._version = version
        commands, invocations = self._commands(), self._invocations()
        if commands == self.commands and invocations == self.invocations:
            return
        self._nothing_lost(commands, invocations)
        by_command: dict[str, dict[str, Kept]] = {}
        for (command, node), kept in invocations.items():
            by_command.setdefault(command, {})[node] = kept
        for command, kept_command in commands.items():
            own = by_command.get(command, {})
            if kept_command != self.commands.get(command) or own:
                self._counters(command, kept_command, own)
                self._rate(command, kept_command, own)
        self.commands, self.invocations = commands, invocations

    def _nothing_lost(
        self, commands: Mapping[str, KeptCommand], invocations: Mapping[Key, Kept]
    ) -> None:
        for command, was in self.commands.items():
            now = commands.get(command)
            if now is None:
                self._fault(f"command {command} is gone")
            elif was.ended is not None and (was.outcome, was.ended) != (now.outcome, now.ended):
                self._fault(f"command {command} had ended {was.outcome}, now {now.outcome}")
        for key, before in self.invocations.items():
            after = invocations.get(key)
            if after is None:
                self._fault(f"invocation {key} is gone")
                continue
            if before.final and (before.status, before.ended) != (after.status, after.ended):
                self._fault(f"invocation {key} had ended {before.status}, now {after.status}")
            for step, result in before.steps.items():
                if result[0] in _FINAL and after.steps.get(step) != result:
                    self._fault(f"step {step} of {key} was {result}, now {after.steps.get(step)}")

    def _counters(self, command: str, kept: KeptCommand, own: Mapping[str, Kept]) -> None:
        counted = Counter(invocation.status for invocation in own.values())
        if dict(counted) != dict(kept.tally):
            self._fault(f"command {command} counts {kept.tally}, there are {dict(counted)}")
        if kept.ended is not None and not all(invocation.final for invocation in own.values()):
            self._fault(f"command {command} is {kept.outcome} with {dict(counted)}")

    def _rate(self, command: str, kept: KeptCommand, own: Mapping[str, Kept]) -> None:
        terms = kept.terms
        rollout = Rollout.of(terms["max_concurrency"], terms["max_errors"], len(own))
        running = sum(invocation.status in _RUNNING for invocation in own.values())
        if running > rollout.max_concurrency:
            self._fault(f"command {command}: {running} run, {rollout.max_concurrency} may")
        errors = sum(Status(invocation.status).counts_as_error for invocation in own.values())
        sent = [node for node, now in own.items() if self._was_sent(command, node, now)]
        if sent and rollout.stopped(errors):
            self._fault(f"command {command}: sent to {sent} after {errors} errors")

    def _was_sent(self, command: str, node: str, now: Kept) -> bool:
        before = self.invocations.get((command, node))
        waited = before is None or before.status == Status.WAITING.value
        return waited and now.status in _RUNNING

    # What the server has acknowledged.

    def framed(self, who: str, up: bool, data: bytes) -> None:
        """A frame is being sent; what it acknowledges must be kept."""
        frame = frames.decode(data)
        if up and frame.message_type == MessageType.AGENT_JOB_REPLY:
            reply = jobs.decode(frame.payload, JobReply)
            self._said[str(frame.message_id)] = reply.job_id, reply.content
        elif not up and frame.message_type == MessageType.AGENT_JOB_REPLY_ACK:
            ack = jobs.decode(frame.payload, ReplyAck)
            said = self._said.get(ack.acknowledged_message_id)
            if said is None:
                self._fault(f"{who}: {ack.acknowledged_message_id} was acknowledged, never said")
            else:
                self._is_kept(*said)

    def heard(self, who: str, request: Request, answer: Response) -> None:
        """An answer is being sent; what it acknowledges must be kept."""
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        if answer.status != 200:
            return
        given = json.loads(request.body) if operation in ("SendReply", "AcknowledgeMessage") else {}
        if operation == "SendReply":
            self._is_kept(given["MessageId"], given["Payload"])
        elif operation == "AcknowledgeMessage":
            kept = self._invocation(given["MessageId"])
            if kept is not None and kept.received is None and not kept.closed:
                self._fault(f"the acknowledgement of {given['MessageId']} is not kept")
        elif operation == "SendCommand":
            command = json.loads(answer.body)["Command"]["CommandId"]
            if command not in self._commands():
                self._fault(f"command {command} was accepted and is not kept")

    def _is_kept(self, job: str, content: str) -> None:
        """What the reply says stands in the database."""
        if not is_of_a_command(jobs.command_of(job)):
            return  # nothing is kept of what is said to a job that stops another
        reply = jobs.decode(content, ReplyContent)
        kept = self._invocation(job)
        if kept is None:
            self._fault(f"a reply to {job} was acknowledged, there is no such invocation")
        elif kept.status == Status.WAITING.value:
            self._fault(f"a reply to {job} was acknowledged, which was not sent yet")
        elif not kept.closed:
            if kept.received is None:
                self._fault(f"a reply to {job} was acknowledged and is not kept")
            if jobs.is_final(reply.document_status) and not kept.final:
                self._fault(f"the end of {job} was acknowledged and is not kept")
            for step, told in (reply.runtime_status or {}).items():
                if told.status in _ENDED and kept.steps.get(step, [""])[0] not in _FINAL:
                    self._fault(f"the end of {step} of {job} was acknowledged and is not kept")

    def _invocation(self, job: str) -> Kept | None:
        return self._invocations((jobs.command_of(job), jobs.node_of(job))).get(
            (jobs.command_of(job), jobs.node_of(job))
        )

    # The tables.

    def _commands(self) -> dict[str, KeptCommand]:
        rows = self._database.execute(
            "SELECT command, outcome, ended, tally, terms FROM commands_commands"
        )
        return {
            command: KeptCommand(outcome, ended, json.loads(tally), json.loads(terms))
            for command, outcome, ended, tally, terms in rows
        }

    def _invocations(self, key: Key | None = None) -> dict[Key, Kept]:
        query = (
            "SELECT command, node, status, ended, received, closed, owed, steps "
            "FROM commands_invocations"
        )
        where = " WHERE command = ? AND node = ?" if key else ""
        return {
            (command, node): Kept(status, ended, received, bool(closed), owed, json.loads(steps))
            for command, node, status, ended, received, closed, owed, steps in (
                self._database.execute(query + where, key or ())
            )
        }

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Whatever else is in the database."""
        return self._database.execute(query).fetchall()


def is_of_a_command(command: str) -> bool:
    """Whether it is a command's id, and not what stands for it in the job that stops it."""
    return uuid.UUID(command).version != 5
