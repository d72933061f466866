"""From what happened to who is told: matching, schedules, inputs, retries."""

import json
from datetime import timedelta
from typing import Any

import pytest

from ostler.foundation.errors import AccessDeniedException, ThrottlingException
from ostler.foundation.events import Announcement, Event
from tests.capabilities.events.conftest import (
    ROLE,
    TOPIC,
    Bench,
    a_rule,
    on_both_engines,
    parameter_changed,
)
from tests.capabilities.events.test_rules import RUN
from tests.support.calls import Customer


class Unseen(Event, frozen=True):
    """What is no announcement."""


@on_both_engines
async def test_what_happens_in_the_house_comes_in_eventbridges_envelope(
    bench: Bench, customer: Customer
) -> None:
    await a_rule(customer, {"source": ["aws.ssm"], "detail": {"operation": ["Create"]}})

    await bench.happen(
        parameter_changed(),
        Unseen(),
        parameter_changed(operation="Delete"),  # type: ignore[arg-type]
    )

    [told] = bench.told()
    assert told.pop("id")
    assert {
        "version": "0",
        "detail-type": "Parameter Store Change",
        "source": "aws.ssm",
        "account": "111122223333",
        "time": "2026-01-01T00:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:ssm:eu-west-1:111122223333:parameter/app/x"],
        "detail": {"name": "/app/x", "operation": "Create"},
    } == told
    assert [] == await bench.kept()


@on_both_engines
async def test_nothing_that_happens_is_left_out_or_told_twice(
    bench: Bench, customer: Customer
) -> None:
    await bench.happen(parameter_changed("/before/the/rule"))
    await a_rule(customer, {"source": [{"prefix": "aws."}]})

    await bench.happen(*(parameter_changed(f"/{number}") for number in range(450)))
    await bench.happen(parameter_changed("/last"))
    for _ in range(40):
        await bench.clock.advance(timedelta(seconds=1))
        await bench.timers.run_due()

    names = [told["detail"]["name"] for told in bench.told()]
    assert sorted([*(f"/{number}" for number in range(450)), "/last"]) == sorted(names)


async def test_a_rule_that_is_off_tells_nobody(bench: Bench, customer: Customer) -> None:
    await a_rule(customer, {"source": ["aws.ssm"]})
    await customer.ask("DisableRule", Name="rule")
    await bench.happen(parameter_changed("/off"))
    await customer.ask("EnableRule", Name="rule")

    await bench.happen(parameter_changed("/on"))

    assert ["/on"] == [told["detail"]["name"] for told in bench.told()]


async def test_another_account_hears_nothing(
    bench: Bench, customer: Customer, other_scope: Any
) -> None:
    await a_rule(customer, {"source": ["aws.ssm"]})

    await bench.happen(parameter_changed(), scope=other_scope)

    assert [] == bench.told()


# Customers' own events


async def test_what_a_customer_puts_is_told(bench: Bench, customer: Customer) -> None:
    await customer.ask("CreateEventBus", Name="mine")
    await customer.ask("PutRule", Name="r", EventBusName="mine", EventPattern='{"source": ["app"]}')
    await customer.ask(
        "PutTargets", Rule="r", EventBusName="mine", Targets=[{"Id": "t", "Arn": TOPIC}]
    )
    entry = {"Source": "app", "DetailType": "Made", "Detail": '{"n": 1}', "Resources": ["a"]}

    answer = await customer.ask(
        "PutEvents",
        Entries=[{**entry, "EventBusName": "mine"}, {**entry, "EventBusName": "default"}],
    )
    await bench.timers.run_due()

    [told] = bench.told()
    assert 0 == answer["FailedEntryCount"]
    assert answer["Entries"][0]["EventId"] == told["id"]
    assert ("app", "Made", {"n": 1}, ["a"]) == (
        told["source"],
        told["detail-type"],
        told["detail"],
        told["resources"],
    )


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": '{"a":' * 200 + "1" + "}" * 200}, "MalformedDetail"),
        ({"Source": "aws.ssm"}, "NotAuthorizedForSourceException"),
        ({"Source": "AWS.ssm"}, "NotAuthorizedForSourceException"),
        ({"Source": "ostler.nodes"}, "NotAuthorizedForSourceException"),
        ({"EventBusName": "none"}, "ResourceNotFoundException"),
    ],
)
async def test_an_entry_that_is_no_event_fails_alone(
    bench: Bench, customer: Customer, changed: dict[str, str], code: str
) -> None:
    """And the house's own events cannot be forged."""
    await a_rule(customer, {"source": [{"exists": True}]})
    good = {"Source": "app", "DetailType": "Made", "Detail": "{}"}

    answer = await customer.ask("PutEvents", Entries=[good | changed, good])
    await bench.timers.run_due()

    assert [code, None] == [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert ["app"] == [told["source"] for told in bench.told()]


async def test_a_pattern_can_be_tried(customer: Customer) -> None:
    event = json.dumps(
        {
            "id": "1",
            "account": "1",
            "source": "x",
            "time": "t",
            "region": "r",
            "resources": [],
            "detail-type": "d",
        }
    )
    for pattern, fits in (('{"source": ["x"]}', True), ('{"source": ["y"]}', False)):
        answer = await customer.ask("TestEventPattern", EventPattern=pattern, Event=event)
        assert fits == answer["Result"]


# Schedules


@on_both_engines
async def test_a_schedule_makes_events(bench: Bench, customer: Customer) -> None:
    await customer.ask("PutRule", Name="rule", ScheduleExpression="rate(5 minutes)")
    await customer.ask("PutTargets", Rule="rule", Targets=[{"Id": "t", "Arn": TOPIC}])

    for _ in range(12):
        await bench.clock.advance(timedelta(minutes=1))
        await bench.timers.run_due()
    await customer.ask("DisableRule", Name="rule")
    await bench.clock.advance(timedelta(minutes=10))
    await bench.timers.run_due()

    times = [(told["detail-type"], told["source"], told["time"][14:16]) for told in bench.told()]
    assert [("Scheduled Event", "aws.events", at) for at in ("05", "10")] == times


# Inputs


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"Input": '{"fixed": 1}'}, {"fixed": 1}),
        ({"InputPath": "$.detail.name"}, "/app/x"),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"n": "$.detail.name"},
                    "InputTemplate": '{"text": "<n> by <aws.events.rule-name>"}',
                }
            },
            {"text": "/app/x by rule"},
        ),
    ],
)
async def test_a_target_is_told_what_it_wants(
    bench: Bench, customer: Customer, how: dict[str, Any], told: Any
) -> None:
    await a_rule(customer, {"source": ["aws.ssm"]}, {"Id": "t", "Arn": TOPIC, **how})

    await bench.happen(parameter_changed())

    assert [told] == bench.told()


# Run Command


async def test_a_command_is_sent_by_the_targets_role(bench: Bench, customer: Customer) -> None:
    transformer = {
        "InputPathsMap": {"n": "$.detail.name"},
        "InputTemplate": '{"commands": ["reload <n>"], "executionTimeout": "60"}',
    }
    await a_rule(customer, {"source": ["aws.ssm"]}, RUN | {"InputTransformer": transformer})

    await bench.happen(parameter_changed())

    assert [
        (
            "arn:aws:sts::111122223333:assumed-role/Events/events",
            "ssm",
            "SendCommand",
            {
                "DocumentName": "AWS-RunShellScript",
                "Targets": [{"Key": "tag:role", "Values": ["web"]}],
                "Parameters": {"commands": ["reload /app/x"], "executionTimeout": ["60"]},
            },
        )
    ] == bench.neighbours.asked


async def test_what_is_refused_is_kept_and_can_be_tried_again(
    bench: Bench, customer: Customer
) -> None:
    await a_rule(customer, {"source": ["aws.ssm"]}, RUN | {"Input": '{"commands": ["date"]}'})
    bench.neighbours.refusal = AccessDeniedException("No.")
    await bench.happen(parameter_changed())

    [failed] = (await customer.ask("ListDeliveries", State="FAILED"))["Deliveries"]
    assert "AccessDeniedException: No." == failed["Reason"]
    assert 1 == failed["Attempts"]
    assert failed["SubjectArn"].endswith(":rule/rule")

    bench.neighbours.refusal = None
    await customer.ask("RetryDeliveries", DeliveryIds=[failed["DeliveryId"]])
    await bench.timers.run_due()

    assert 2 == len(bench.neighbours.asked)
    assert [] == (await customer.ask("ListDeliveries"))["Deliveries"]


async def test_what_passes_is_tried_again_by_itself(bench: Bench, customer: Customer) -> None:
    await a_rule(customer, {"source": ["aws.ssm"]})
    bench.neighbours.refusal = ThrottlingException("Rate exceeded")
    await bench.happen(parameter_changed())
    bench.neighbours.refusal = None

    await bench.clock.advance(timedelta(seconds=1))
    await bench.timers.run_due()

    assert 2 == len(bench.neighbours.asked)
    assert [] == await bench.kept()


async def test_a_role_that_does_not_trust_events_any_more_sends_nothing(
    bench: Bench, customer: Customer
) -> None:
    role = f"{ROLE}Distrusting"
    await a_rule(customer, {"source": ["aws.ssm"]}, RUN | {"RoleArn": role, "Input": "{}"})

    await bench.happen(parameter_changed())

    assert [] == bench.neighbours.asked
    assert "does not trust" in (await bench.kept(failed=True))[0].fault


async def test_a_target_that_was_removed_is_told_nothing_more(
    bench: Bench, customer: Customer
) -> None:
    await a_rule(customer, {"source": ["aws.ssm"]})
    bench.neighbours.refusal = ThrottlingException("Rate exceeded")
    await bench.happen(parameter_changed())

    await customer.ask("RemoveTargets", Rule="rule", Ids=["t"])
    await bench.clock.advance(timedelta(minutes=1))
    await bench.timers.run_due()

    assert [] == await bench.kept()


async def test_an_announcement_without_listeners_costs_no_delivery(bench: Bench) -> None:
    await bench.happen(Announcement("aws.ssm", "x", {}))

    assert [] == await bench.kept()
