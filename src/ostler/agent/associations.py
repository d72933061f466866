"""Associations: what holds on this node, applied when the server says that it is time.

The server decides when; what it shows as Pending is to be run now. A run is a job like that of a
command, with a journal of its own: no step is begun twice, whatever happens to this process.
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ostler.agent.calls import Calls, Refused
from ostler.agent.execution import Execution, Workshop
from ostler.agent.journal import Entry, Journal
from ostler.agent.network import NetworkFault
from ostler.agent.orders import BrokenOrder, Order, order_of
from ostler.agent.outcomes import Outcome
from ostler.agent.output import STREAMS, Ring, file_name
from ostler.agent.replies import Reply
from ostler.agent.retries import Retries, chance
from ostler.agent.supervision import Interrupted
from ostler.agent.waiting import first
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.grammar.documents import (
    DocumentFault,
    ParameterFault,
    bind,
    for_agents,
    parse,
    stored_references,
    with_stored,
)
from ostler.wire.agent.jobs import (
    SEND_COMMAND,
    BrokenMessage,
    Job,
    ReplyContent,
    ReplyStatus,
    SendCommandContent,
    decode,
    is_final,
    iso8601,
    job_id,
    text,
)
from ostler.wire.http import Request

EVERY = timedelta(minutes=10)
SPREAD = timedelta(seconds=30)
"""Nodes ask so often, and so much later by chance, that they do not all ask at once."""
STALE = timedelta(minutes=1)
"""What was listed longer ago may be otherwise by now."""
LONGEST_SUMMARY = 510

_PENDING = "Pending"
_BEGINS = "Executing association"
_PAGE = 50
_AT_ONCE = 10
_TEXT = {"content-type": "text/plain"}
_LATER = frozenset({"ThrottlingException", "RequestLimitExceeded"})
_STATUSES = {
    ReplyStatus.SUCCESS: "Success",
    ReplyStatus.SKIPPED: "Skipped",
    ReplyStatus.TIMED_OUT: "TimedOut",
}

log = logging.getLogger(__name__)


class Unusable(Exception):
    """The association cannot be run as it is: `code` is AWS's, the text says why."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class Listed:
    """An association as the server lists it."""

    id: str
    name: str
    version: str
    checksum: str
    status: str
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bucket: str = ""
    prefix: str = ""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Listed":
        place = (told.get("OutputLocation") or {}).get("S3Location") or {}
        return cls(
            str(told.get("AssociationId", "")),
            str(told.get("Name", "")),
            str(told.get("DocumentVersion", "")),
            str(told.get("Checksum", "")),
            str(told.get("DetailedStatus", "")),
            told.get("Parameters") or {},
            str(place.get("OutputS3BucketName") or ""),
            str(place.get("OutputS3KeyPrefix") or ""),
        )


class Associations:
    """Asks what is to be applied, applies one after the other, and tells what came of it."""

    def __init__(
        self, calls: Calls, journal: Journal, shop: Workshop, clock: Clock, ids: Ids
    ) -> None:
        self._calls = calls
        self._journal = journal
        self._shop = replace(shop, uploads=_NoUploads())
        self._clock = clock
        self._ids = ids
        self._documents: dict[str, tuple[str, str]] = {}
        self._called = asyncio.Event()
        self._wanted: set[str] = set()
        self._every_one = False
        self._execution: Execution | None = None
        self._teller: _Teller | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def refresh(self, ids: Iterable[str]) -> None:
        """Ask at once; apply what is pending, and these, or all if none is named, in any case."""
        named = [one for one in ids if one]
        self._wanted.update(named)
        self._every_one = self._every_one or not named
        self._called.set()

    async def run(self) -> None:
        """Go on where an earlier agent was stopped, then apply what is pending, for ever."""
        try:
            for entry in self._journal.open():
                await self._resume(entry)
            await self._apply_for_ever()
        except Interrupted:
            await asyncio.Event().wait()

    async def stop(self, grace: timedelta) -> None:
        """Begin nothing more, give what runs a little time, then end it; the next agent tells."""
        self._closed = True
        await first(self._idle.wait(), self._clock.sleep(grace))
        if self._execution is not None and self._teller is not None:
            self._execution.stop.shut_down()
            self._teller.stop()
            await self._idle.wait()

    async def _apply_for_ever(self) -> None:
        retries = Retries(self._ids)
        wait = SPREAD * chance(self._ids)
        while True:
            await first(self._called.wait(), self._clock.sleep(wait))
            self._called.clear()
            wanted, every_one = self._wanted, self._every_one
            try:
                listed = await self._list()
            except (Refused, NetworkFault) as fault:
                log.warning("associations_not_listed because=%s", fault)
                wait = retries.next()
                continue
            retries.reset()
            self._wanted, self._every_one = set(), False
            known = {one.id for one in listed}
            wanted = known if every_one else known & wanted
            self._documents = {k: v for k, v in self._documents.items() if k in known}
            asked = self._clock.now()
            for one in listed:
                if one.status != _PENDING and one.id not in wanted:
                    continue
                if self._closed:
                    return
                if self._clock.now() - asked > STALE:
                    # Look again what is still to be done; what was wished for still is.
                    self._wanted |= wanted
                    self._called.set()
                    break
                wanted.discard(one.id)
                await self._apply(one)
            wait = EVERY + SPREAD * chance(self._ids)

    async def _list(self) -> list[Listed]:
        found: list[Listed] = []
        given: dict[str, Any] = {"InstanceId": self._calls.node, "MaxResults": _PAGE}
        while True:
            answer = await self._calls.ask("ListInstanceAssociations", given)
            found += [Listed.of(told) for told in answer.get("Associations", ())]
            if not answer.get("NextToken"):
                return [one for one in found if one.id]
            given["NextToken"] = answer["NextToken"]

    async def _apply(self, one: Listed) -> None:
        try:
            entry = self._journal.accept(await self._job(one))
        except Unusable as fault:
            log.warning("association_unusable association=%s because=%s", one.id, fault)
            teller = _Teller(self._calls, self._clock, self._ids, one.id)
            teller.say("Failed", str(fault), fault.code)
            await teller.drained()
            return
        except OSError as fault:
            # The server still has it pending; it comes again with the next question.
            log.error("association_not_written association=%s because=%s", one.id, fault)
            return
        await self._execute(entry)

    async def _resume(self, entry: Entry) -> None:
        if self._closed:
            return
        await self._execute(entry)

    async def _execute(self, entry: Entry) -> None:
        association = entry.job.topic.removeprefix(f"{SEND_COMMAND}.")
        try:
            order = order_of(entry.job)
        except BrokenOrder as fault:
            log.warning("association_dropped association=%s because=%s", association, fault)
            self._journal.drop(entry)
            return
        teller = _Teller(self._calls, self._clock, self._ids, association, entry, order)
        execution = Execution(entry, order, replace(self._shop, reporter=teller))
        if entry.closed is not None:
            execution.say_again()
            await teller.drained()
            return
        await self._shop.handover.free()
        self._execution, self._teller = execution, teller
        self._idle.clear()
        try:
            log.info("association_begun association=%s run=%s", association, entry.command)
            teller.say("InProgress", _BEGINS)
            if not await execution.run():
                # The machine is about to go down; the next agent goes on.
                raise Interrupted
            await self._bring_output(entry, order)
            await teller.drained()
        except Interrupted:
            raise
        except Exception as fault:
            log.error("association_broke association=%s", association, exc_info=fault)
            execution.abandon(f"The agent failed: {type(fault).__name__}: {fault}\n")
            await teller.drained()
        finally:
            teller.stop()
            self._execution = self._teller = None
            self._idle.set()

    async def _job(self, one: Listed) -> Job:
        """The run as a job: its topic names the association."""
        content = await self._document(one)
        try:
            document = parse(content, "JSON")
            declared = {
                name: texts for name, texts in one.parameters.items() if name in document.parameters
            }
            given = dict(bind(document, declared).given)
            stored = await self._stored([for_agents(document), given])
        except (DocumentFault, ParameterFault) as fault:
            raise Unusable("InvalidAssoc", fault.message) from fault
        except (Refused, NetworkFault) as fault:
            raise Unusable("InvalidAssoc", f"Parameter Store: {fault}") from fault
        run = self._ids.uuid()
        order = SendCommandContent(
            run,
            one.name,
            with_stored(json.loads(json.dumps(for_agents(document))), stored),
            with_stored(given, stored),
            output_s3_bucket_name=one.bucket,
            output_s3_key_prefix=self._folder(one) if one.bucket else "",
        )
        return Job(job_id(run, self._calls.node), f"{SEND_COMMAND}.{one.id}", text(order))

    def _folder(self, one: Listed) -> str:
        """Where a run's output lies in its bucket, as the stock agent has it."""
        began = iso8601(self._clock.now()).replace(":", "-")
        parts = (one.prefix.strip("/"), self._calls.node, one.id, began)
        return "/".join(part for part in parts if part)

    async def _bring_output(self, entry: Entry, order: Order) -> None:
        """Put what the steps wrote into the bucket that was named."""
        folder = self._shop.ring.folder(entry.job.job_id)
        for step in order.document.steps if order.bucket else ():
            for stream in STREAMS:
                path = folder / file_name(step.name) / stream
                content = path.read_bytes() if path.exists() else b""
                if not content:
                    continue
                parts = (step.action.replace(":", ""), step.name.replace(":", ""), stream)
                key = "/".join((order.bucket, order.prefix, *parts))
                request = Request("PUT", "/" + quote(key, safe="/~"), "", _TEXT, content)
                try:
                    answer = await self._calls.send(request, service="s3")
                except NetworkFault as fault:
                    log.warning("association_output_not_kept because=%s", fault)
                    return
                if answer.status != 200:
                    log.warning("association_output_not_kept status=%d", answer.status)
                    return

    async def _document(self, one: Listed) -> str:
        checksum, content = self._documents.get(one.id, ("", ""))
        if content and checksum == one.checksum:
            return content
        given = {"Name": one.name, "DocumentFormat": "JSON"}
        if one.version:
            given["DocumentVersion"] = one.version
        try:
            answer = await self._calls.ask("GetDocument", given)
        except (Refused, NetworkFault) as fault:
            raise Unusable("ListAssocError", str(fault)) from fault
        content = str(answer.get("Content", ""))
        self._documents[one.id] = one.checksum, content
        return content

    async def _stored(self, values: Any) -> dict[str, str]:
        """What Parameter Store has for the references in these values."""
        names = list(dict.fromkeys(one.name for one in stored_references(values) if not one.secure))
        found: dict[str, str] = {}
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            answer = await self._calls.ask(
                "GetParameters", {"Names": some, "WithDecryption": False}
            )
            for one in answer.get("Parameters", ()):
                if one.get("Type") == "SecureString":
                    raise ParameterFault(f"{one.get('Name')} is a SecureString.")
                for name in (one.get("Name"), f"{one.get('Name')}:{one.get('Version')}"):
                    if name in some:
                        found[name] = str(one.get("Value", ""))
        if missing := [name for name in names if name not in found]:
            raise ParameterFault(f"Parameter Store does not have {', '.join(missing)}.")
        return found


class _Teller:
    """Tells the server of one run, in order, until it knows: an execution's reporter."""

    def __init__(
        self,
        calls: Calls,
        clock: Clock,
        ids: Ids,
        association: str,
        entry: Entry | None = None,
        order: Order | None = None,
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._retries = Retries(ids)
        self._association = association
        self._entry = entry
        self._order = order
        self._waiting: list[tuple[dict[str, Any], Reply | None, Any]] = []
        self._task: asyncio.Task[None] | None = None

    def say(self, status: str, summary: str, code: str = "") -> None:
        """Tell that the association stands so."""
        self._put(status, summary, code, None, None)

    def tell(self, reply: Reply, arrived: Any) -> None:
        """A reply of the execution: only how the whole stands is told, and how far it is."""
        try:
            status = decode(reply.content, ReplyContent).document_status
        except BrokenMessage:
            arrived(reply.message_id)
            return
        ended = self._entry.ended if self._entry is not None else {}
        steps = self._order.document.steps if self._order is not None else ()
        if not is_final(status) and len(ended) >= len(steps):
            # The end comes next, and says the same.
            arrived(reply.message_id)
            return
        outcomes = {steps[index].name: one.outcome for index, one in sorted(ended.items())}
        word = _STATUSES.get(ReplyStatus(status), "Failed") if is_final(status) else "InProgress"
        code = "ExecutionError" if word == "Failed" else ""
        self._put(word, summary_of(outcomes, len(steps)), code, reply, arrived)

    async def settled(self, message_ids: Iterable[str], within: timedelta) -> None:
        """Wait until all is told, but not for ever."""
        await first(self.drained(), self._clock.sleep(within))

    async def drained(self) -> None:
        """Wait until all is told."""
        if self._task is not None:
            await asyncio.shield(self._task)

    def stop(self) -> None:
        """Tell nothing more; what is missing stands in the journal."""
        if self._task is not None:
            self._task.cancel()

    def _put(self, status: str, summary: str, code: str, reply: Reply | None, arrived: Any) -> None:
        result: dict[str, Any] = {
            "Status": status,
            "ErrorCode": code,
            "ExecutionDate": self._clock.now().timestamp(),
            "ExecutionSummary": summary[:LONGEST_SUMMARY] or status,
        }
        if self._order is not None and self._order.bucket and reply is not None:
            url = f"{self._order.bucket}/{self._order.prefix}"
            result["OutputUrl"] = {"S3OutputUrl": {"OutputUrl": url}}
        self._waiting.append((result, reply, arrived))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._deliver())

    async def _deliver(self) -> None:
        while self._waiting:
            result, reply, arrived = self._waiting[0]
            given = {
                "InstanceId": self._calls.node,
                "AssociationId": self._association,
                "ExecutionResult": result,
            }
            try:
                await self._calls.ask("UpdateInstanceAssociationStatus", given)
            except NetworkFault as fault:
                log.warning("association_not_told because=%s", fault)
                await self._clock.sleep(self._retries.next())
                continue
            except Refused as fault:
                if fault.status >= 500 or fault.code in _LATER:
                    await self._clock.sleep(self._retries.next())
                    continue
                # The association is no more, or not ours: nobody wants to know.
                log.info("association_not_wanted because=%s", fault)
            self._retries.reset()
            self._waiting.pop(0)
            if reply is not None:
                arrived(reply.message_id)


class _NoUploads:
    """What associations write stays here: replies carry the summary alone, as AWS has it."""

    def stream(self, path: Path, command: str, step: str, *, resumed: bool = False) -> "_NoUploads":
        return self

    def recover(self, ring: Ring) -> None: ...

    def stop(self) -> None: ...

    def grew(self, size: int) -> None: ...

    def end(self) -> None: ...

    def hurry(self) -> None: ...

    async def settled(self, within: timedelta) -> None: ...


def summary_of(outcomes: Mapping[str, Outcome], steps: int) -> str:
    """What AWS's agent says of a run: how many steps ended how, and why one failed."""
    states = [outcome.status for outcome in outcomes.values()]
    success = states.count(ReplyStatus.SUCCESS) + states.count(ReplyStatus.SUCCESS_AND_REBOOT)
    counted = (
        f"{len(states)} out of {steps} plugin{'s' if steps > 1 else ''} processed, "
        f"{success} success, {states.count(ReplyStatus.FAILED)} failed, "
        f"{states.count(ReplyStatus.TIMED_OUT)} timedout, "
        f"{states.count(ReplyStatus.SKIPPED)} skipped. "
    )
    failed = [
        f"\nThe operation {name} failed because {outcome.stderr.strip()}."
        for name, outcome in outcomes.items()
        if outcome.status is ReplyStatus.FAILED
    ]
    return counted + "".join(failed)
