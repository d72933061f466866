"""Commands and invocations as they go over the wire, with every member that AWS fills in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ostler.capabilities.commands.model import (
    STREAMS,
    Command,
    Logging,
    Notification,
    Status,
    StepResult,
    folder_of_step,
    key_of,
)
from ostler.capabilities.commands.service import InvocationView, StepView
from ostler.foundation.ids import Region

_NO_CONTENTS = dict.fromkeys(
    (
        *("StandardOutputContent", "StandardOutputUrl"),
        *("StandardErrorContent", "StandardErrorUrl"),
    ),
    "",
)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes answers; `buckets` is the URL under which clients find buckets."""

    region: Region
    buckets: str

    def command(self, command: Command) -> Any:
        """A Command."""
        order, tally = command.order, command.tally
        return {
            "CommandId": command.id,
            "DocumentName": command.document_name,
            "DocumentVersion": order.version,
            "Comment": order.comment,
            "ExpiresAfter": command.expires,
            "Parameters": {name: list(texts) for name, texts in order.parameters.items()},
            "InstanceIds": list(order.nodes),
            "Targets": [{"Key": one.key, "Values": list(one.values)} for one in order.targets],
            "RequestedDateTime": command.requested,
            "Status": command.outcome.coarse,
            "StatusDetails": command.outcome.details,
            "OutputS3Region": self.region,
            "OutputS3BucketName": order.bucket,
            "OutputS3KeyPrefix": order.prefix,
            "MaxConcurrency": order.max_concurrency,
            "MaxErrors": order.max_errors,
            "TargetCount": tally.targets,
            "CompletedCount": tally.completed,
            "ErrorCount": tally.errors,
            "DeliveryTimedOutCount": tally.number(Status.DELIVERY_TIMED_OUT),
            "ServiceRole": order.role,
            "NotificationConfig": _notification(order.notification),
            "CloudWatchOutputConfig": _logging(order.logging),
            "TimeoutSeconds": order.timeout,
            "AlarmConfiguration": {
                "IgnorePollAlarmFailure": order.alarms.ignore_poll_failure,
                "Alarms": [{"Name": name} for name in order.alarms.names],
            },
            "TriggeredAlarms": [],
        }

    def invocation(self, view: InvocationView, *, details: bool) -> Any:
        """A CommandInvocation, with its plugins if there shall be `details`."""
        order, invocation = view.command.order, view.invocation
        output, error = self._urls(view, view.only_step)
        return {
            "CommandId": view.command.id,
            "InstanceId": invocation.node,
            "InstanceName": invocation.name,
            "Comment": order.comment,
            "DocumentName": view.command.document_name,
            "DocumentVersion": order.version,
            "RequestedDateTime": invocation.sent or invocation.requested,
            "Status": invocation.status.coarse,
            "StatusDetails": invocation.status.details,
            **({"TraceOutput": invocation.trace} if invocation.trace else {}),
            "StandardOutputUrl": output,
            "StandardErrorUrl": error,
            "CommandPlugins": [self._plugin(view, step) for step in view.steps if details],
            "ServiceRole": order.role,
            "NotificationConfig": _notification(order.notification),
            "CloudWatchOutputConfig": _logging(order.logging),
        }

    def result(self, view: InvocationView) -> Any:
        """What GetCommandInvocation answers: of one step, or of several what they come to."""
        order, step = view.command.order, view.only_step
        return {
            "CommandId": view.command.id,
            "InstanceId": view.invocation.node,
            "Comment": order.comment,
            "DocumentName": view.command.document_name,
            "DocumentVersion": order.version,
            **(self._all_steps(view) if step is None else self._one_step(view, step)),
            "CloudWatchOutputConfig": _logging(order.logging),
        }

    def _one_step(self, view: InvocationView, step: StepView) -> dict[str, Any]:
        output, error = self._urls(view, step)
        return {
            "PluginName": step.step.id,
            "ResponseCode": step.result.code,
            **_times(step.result),
            "Status": step.result.status.coarse_of_step,
            "StatusDetails": step.result.status.details,
            "StandardOutputContent": step.output.standard_output,
            "StandardOutputUrl": output,
            "StandardErrorContent": step.output.standard_error,
            "StandardErrorUrl": error,
        }

    def _all_steps(self, view: InvocationView) -> dict[str, Any]:
        return {
            "PluginName": "",
            "ResponseCode": view.code,
            "ExecutionEndDateTime": "",
            "Status": view.invocation.status.coarse,
            "StatusDetails": view.invocation.status.details,
            **_NO_CONTENTS,
        }

    def _plugin(self, view: InvocationView, step: StepView) -> dict[str, Any]:
        order, result = view.command.order, step.result
        output, error = self._urls(view, step)
        folder = folder_of_step(view.command, view.invocation.node, step.step)
        times = {
            "ResponseStartDateTime": result.started,
            "ResponseFinishDateTime": result.ended,
        }
        told = result.ended is not None
        return {
            "Name": step.step.id,
            "Status": result.status.coarse_of_step,
            "StatusDetails": result.status.details,
            "ResponseCode": result.code,
            **{name: at for name, at in times.items() if at is not None},
            "Output": step.output.combined,
            "StandardOutputUrl": output,
            "StandardErrorUrl": error,
            "OutputS3Region": self.region if told else "",
            "OutputS3BucketName": order.bucket if told else "",
            "OutputS3KeyPrefix": folder if told and order.bucket else "",
        }

    def _urls(self, view: InvocationView, step: StepView | None) -> tuple[str, str]:
        """Where the whole output lies, once the step has ended, if a bucket was ordered."""
        bucket = view.command.order.bucket
        if step is None or step.result.ended is None or not bucket:
            return "", ""
        output, error = (
            f"{self.buckets}/{bucket}/"
            f"{key_of(view.command, view.invocation.node, step.step, stream)}"
            for stream in STREAMS
        )
        return output, error


def _notification(notification: Notification) -> dict[str, Any]:
    return {
        "NotificationArn": notification.topic,
        "NotificationEvents": list(notification.events),
        "NotificationType": notification.type,
    }


def _logging(logging: Logging) -> dict[str, Any]:
    return {
        "CloudWatchLogGroupName": logging.group,
        "CloudWatchOutputEnabled": logging.enabled,
    }


def _times(result: StepResult) -> dict[str, str]:
    """As AWS writes them: before the end there is only an end, which is empty."""
    if result.ended is None:
        return {"ExecutionEndDateTime": ""}
    started = result.started or result.ended
    return {
        "ExecutionStartDateTime": _iso(started),
        "ExecutionElapsedTime": _duration(result.ended - started),
        "ExecutionEndDateTime": _iso(result.ended),
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _duration(elapsed: timedelta) -> str:
    """An hour, two minutes and three and a half seconds are PT1H2M3.5S."""
    milliseconds = max(0, round(elapsed / timedelta(milliseconds=1)))
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    if rest or not milliseconds:
        parts.append(f"{rest / 1000:g}S")
    return "PT" + "".join(parts)
