"""Replies: what the server is told of a job, made from what the journal knows of it."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, structs

from ostler.agent import NAME, VERSION
from ostler.agent.host import Facts
from ostler.agent.journal import Closed, Ended, Entry, RebootAsked
from ostler.agent.orders import Order
from ostler.agent.outcomes import (
    Outcome,
    counts,
    document_status,
    standard_error,
    standard_output,
)
from ostler.wire.agent.jobs import (
    LARGEST_REPLY,
    AdditionalInfo,
    AgentIdentity,
    PluginReply,
    ReplyContent,
    ReplyStatus,
    iso8601,
    text,
)


class Reply(Struct, frozen=True):
    """One thing to be told, until the server has said that it knows."""

    message_id: str
    job_id: str
    topic: str
    content: str


class Words:
    """Finds the words for one node's replies."""

    def __init__(self, node: str, facts: Facts) -> None:
        self._node = node
        self._agent = AgentIdentity(
            lang="en-US",
            name=NAME,
            os=facts.platform_name,
            osver=facts.platform_version,
            ver=VERSION,
        )

    def under_way(self, at: datetime) -> str:
        """The job was taken on: the first thing that is said, and said once."""
        return text(ReplyContent(ReplyStatus.IN_PROGRESS.value, None, "", self._info(at, None)))

    def said(self, entry: Entry, order: Order | None, at: datetime) -> list[Reply]:
        """All that the server has yet to be told of a job, in the order in which it happened."""
        replies: list[Reply] = []
        for record in entry.events:
            match record:
                case Ended() if order is not None:
                    replies.append(self.of_step(entry, order, record))
                case RebootAsked() if order is not None:
                    replies.extend(self.of_reboot(entry, order, record))
                case Closed():
                    replies.append(self.of_end(entry, order, record, at))
                case _:
                    pass
        return [reply for reply in replies if reply.message_id not in entry.told]

    def of_step(self, entry: Entry, order: Order, record: Ended) -> Reply:
        """A step ended."""
        return self._of_step(entry, order, record.step, record.outcome, record.reply)

    def of_reboot(self, entry: Entry, order: Order, record: RebootAsked) -> list[Reply]:
        """A step asked for a reboot: first of the step, then of the whole."""
        step = self._of_step(entry, order, record.step, record.outcome, record.reply)
        statuses = {**_statuses(entry, order), _name(order, record.step): record.outcome.status}
        whole = self._content(
            ReplyStatus.SUCCESS_AND_REBOOT,
            _if_alone(order, {record.step: record.outcome}),
            entry,
            order,
            statuses,
            record.outcome.ended or entry.at,
        )
        return [step, _reply(entry, record.document_reply, whole)]

    def of_end(self, entry: Entry, order: Order | None, record: Closed, at: datetime) -> Reply:
        """The job ended."""
        if order is None:
            info = self._info(at, None)
            content = ReplyContent(record.status.value, None, record.trace[:2000], info)
            return _reply(entry, record.reply, text(content))
        outcomes = {step: ended.outcome for step, ended in entry.ended.items()}
        whole = self._content(
            record.status,
            _if_alone(order, outcomes),
            entry,
            order,
            _statuses(entry, order),
            at,
        )
        return _reply(entry, record.reply, whole)

    def _of_step(
        self, entry: Entry, order: Order, step: int, outcome: Outcome, message_id: str
    ) -> Reply:
        statuses = {**_statuses(entry, order), _name(order, step): outcome.status}
        content = self._content(
            ReplyStatus.IN_PROGRESS,
            {step: outcome},
            entry,
            order,
            statuses,
            outcome.ended or entry.at,
        )
        return _reply(entry, message_id, content)

    def _content(
        self,
        status: ReplyStatus,
        outcomes: Mapping[int, Outcome],
        entry: Entry,
        order: Order,
        statuses: Mapping[str, ReplyStatus],
        at: datetime,
    ) -> str:
        steps = {
            _name(order, step): self._plugin(order, step, outcome)
            for step, outcome in outcomes.items()
        }
        content = ReplyContent(status.value, steps, "", self._info(at, counts(statuses)))
        return _fitted(content)

    def _plugin(self, order: Order, step: int, outcome: Outcome) -> PluginReply:
        wanted = order.document.steps[step]
        return PluginReply(
            status=outcome.status.value,
            code=outcome.reported_code,
            name=wanted.action,
            output=outcome.combined,
            start_date_time=iso8601(outcome.started) if outcome.started else "",
            end_date_time=iso8601(outcome.ended) if outcome.ended else "",
            output_s3_bucket_name=order.bucket,
            output_s3_key_prefix=(
                order.plugin_prefix(self._node, wanted.action) if order.bucket else ""
            ),
            step_name=_step_name(order, step) if order.bucket else "",
            standard_output=standard_output(outcome.stdout),
            standard_error=standard_error(outcome.stderr),
        )

    def _info(self, at: datetime, counted: dict[str, int] | None) -> AdditionalInfo:
        return AdditionalInfo(self._agent, iso8601(at), "", counted)


def status_of(entry: Entry) -> ReplyStatus:
    """How a job ended whose steps are all over."""
    return document_status(ended.outcome.status for ended in entry.ended.values())


def _reply(entry: Entry, message_id: str, content: str) -> Reply:
    return Reply(message_id, entry.job.job_id, entry.job.topic, content)


def _name(order: Order, step: int) -> str:
    return order.document.steps[step].name


def _step_name(order: Order, step: int) -> str:
    """The step as it stands in the key of its output: in schema 1.x the id in its inputs."""
    wanted = order.document.steps[step]
    if wanted.name != wanted.action:
        return wanted.name.replace(":", "")
    inputs = (
        wanted.inputs[-1] if isinstance(wanted.inputs, list) and wanted.inputs else wanted.inputs
    )
    given = inputs.get("id") if isinstance(inputs, dict) else ""
    return given.replace(":", "") if isinstance(given, str) else ""


def _statuses(entry: Entry, order: Order) -> dict[str, ReplyStatus]:
    return {_name(order, step): ended.outcome.status for step, ended in entry.ended.items()}


def _if_alone(order: Order, outcomes: Mapping[int, Outcome]) -> Mapping[int, Outcome]:
    """The last reply names the step of a document that has but one: so the stock agent."""
    return outcomes if len(order.document.steps) == 1 else {}


def _fitted(content: ReplyContent) -> str:
    """The content as text, its outputs shortened until it is small enough to be sent."""
    limit = 24_000
    written = text(content)
    while len(written.encode()) >= LARGEST_REPLY and limit > 100:
        limit //= 2
        content = structs.replace(
            content,
            runtime_status={
                name: _shortened(plugin, limit)
                for name, plugin in (content.runtime_status or {}).items()
            },
        )
        written = text(content)
    return written


def _shortened(plugin: PluginReply, limit: int) -> PluginReply:
    return structs.replace(
        plugin,
        output=plugin.output[:limit],
        standard_output=standard_output(plugin.standard_output, limit),
        standard_error=standard_error(plugin.standard_error, min(limit, 8_000)),
    )
