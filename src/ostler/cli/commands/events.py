"""`ostler events`: rules, what is on its way, and what could not be delivered."""

from typing import Any

import click

from ostler.cli.client import every

RULES = {
    "Name": "RULE",
    "EventBusName": "BUS",
    "State": "STATE",
    "ScheduleExpression": "SCHEDULE",
    "Targets": "TARGETS",
    "Description": "DESCRIPTION",
}
DELIVERIES = {
    "DeliveryId": "DELIVERY",
    "State": "STATE",
    "Subject": "OF",
    "Destination": "TO",
    "Attempts": "TRIED",
    "CreationTime": "SINCE",
    "NextAttemptTime": "AGAIN AT",
    "Reason": "REASON",
}
AT_ONCE = 100


@click.group()
def events() -> None:
    """See what rules do with events, and what they could not deliver."""


@events.command()
@click.option("--bus", default="default", help="Rules of this bus.")
@click.pass_obj
def rules(context: Any, bus: str) -> None:
    """List the rules, and whom they tell."""
    client = context.connection.client("events")
    found = list(every(client, "list_rules", "Rules", EventBusName=bus))
    for rule in found:
        named = {"Rule": rule["Name"], "EventBusName": bus}
        targets = every(client, "list_targets_by_rule", "Targets", **named)
        rule["Targets"] = ", ".join(_brief(target["Arn"]) for target in targets)
    context.output.show(found, RULES, empty=f"The bus {bus} has no rules.")


@events.command()
@click.option("--failed", is_flag=True, help="Only what was given up.")
@click.option("--rule", help="Only what goes out on behalf of this rule of the default bus.")
@click.pass_obj
def deliveries(context: Any, failed: bool, rule: str | None) -> None:
    """List what waits for a receiver, and what was given up."""
    found = _deliveries(context.connection.client("events"), failed, rule)
    for each in found:
        each["Subject"], each["Destination"] = (
            _brief(each["SubjectArn"]),
            _brief(each["DestinationArn"]),
        )
    context.output.show(found, DELIVERIES, empty="Everything is delivered.")


@events.command()
@click.argument("ids", nargs=-1, metavar="DELIVERY…")
@click.option("--failed", is_flag=True, help="All that was given up.")
@click.pass_obj
def redeliver(context: Any, ids: tuple[str, ...], failed: bool) -> None:
    """Try deliveries anew, at once."""
    if bool(ids) == failed:
        raise click.UsageError("Name deliveries, or all that failed by --failed.")
    client = context.connection.client("events")
    wanted = list(ids) or [each["DeliveryId"] for each in _deliveries(client, True, None)]
    tried: list[str] = []
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        tried += client.retry_deliveries(DeliveryIds=some)["DeliveryIds"]
    if unknown := sorted(set(ids) - set(tried)):
        raise click.ClickException(f"There is no delivery {', '.join(unknown)}.")
    context.output.say(f"{len(tried)} to be tried anew.")


def _deliveries(client: Any, failed: bool, rule: str | None) -> list[dict[str, Any]]:
    given: dict[str, Any] = {"State": "FAILED"} if failed else {}
    if rule:
        given["SubjectArn"] = client.describe_rule(Name=rule)["Arn"]
    return list(every(client, "list_deliveries", "Deliveries", **given))


def _brief(arn: str) -> str:
    """An ARN without what is the same everywhere: `sns:alerts`."""
    parts = arn.split(":", 5)
    return f"{parts[2]}:{parts[5]}" if len(parts) == 6 else arn
