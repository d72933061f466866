"""The AWS API of rules and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.events.model.names import bus_in, rule_arn
from ostler.capabilities.events.model.rules import DISABLED, ENABLED, Rule
from ostler.capabilities.events.model.targets import (
    MOST_AGE,
    MOST_ATTEMPTS,
    Extras,
    Retry,
    Target,
    Transformer,
)
from ostler.capabilities.events.service.rules import Rules
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import events


class RuleOperations:
    """Keeps rules and targets."""

    service = "events"

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def put_rule(self, call: Call, given: events.PutRuleRequest) -> events.PutRuleResponse:
        rule = Rule(
            bus=bus_in(call.scope, given.get("EventBusName")),
            name=given["Name"],
            pattern=given.get("EventPattern", ""),
            schedule=given.get("ScheduleExpression", ""),
            state=given.get("State", ENABLED),
            description=given.get("Description", ""),
            role=given.get("RoleArn", ""),
            author=call.account,
        )
        tags = {tag["Key"]: tag["Value"] for tag in given.get("Tags", [])}
        return {"RuleArn": await self._rules.put(call, rule, tags)}

    async def describe_rule(
        self, call: Call, given: events.DescribeRuleRequest
    ) -> Mapping[str, Any]:
        bus = bus_in(call.scope, given.get("EventBusName"))
        rule = await self._rules.get(call, bus, given["Name"])
        return {**_rule(call, rule), "CreatedBy": rule.author}

    async def list_rules(self, call: Call, given: events.ListRulesRequest) -> Mapping[str, Any]:
        page = await self._rules.list(
            call,
            bus_in(call.scope, given.get("EventBusName")),
            given.get("NamePrefix", ""),
            call.page_request(given, default=100, most=100, limit="Limit"),
        )
        return call.paged("Rules", page, lambda rule: _rule(call, rule))

    async def delete_rule(self, call: Call, given: events.DeleteRuleRequest) -> None:
        bus = bus_in(call.scope, given.get("EventBusName"))
        await self._rules.delete(call, bus, given["Name"])

    async def enable_rule(self, call: Call, given: events.EnableRuleRequest) -> None:
        bus = bus_in(call.scope, given.get("EventBusName"))
        await self._rules.switch(call, bus, given["Name"], ENABLED)

    async def disable_rule(self, call: Call, given: events.DisableRuleRequest) -> None:
        bus = bus_in(call.scope, given.get("EventBusName"))
        await self._rules.switch(call, bus, given["Name"], DISABLED)

    async def put_targets(
        self, call: Call, given: events.PutTargetsRequest
    ) -> events.PutTargetsResponse:
        bus = bus_in(call.scope, given.get("EventBusName"))
        targets = [_target(each) for each in given["Targets"]]
        await self._rules.put_targets(call, bus, given["Rule"], targets)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    async def remove_targets(
        self, call: Call, given: events.RemoveTargetsRequest
    ) -> events.RemoveTargetsResponse:
        bus = bus_in(call.scope, given.get("EventBusName"))
        missing = await self._rules.remove_targets(call, bus, given["Rule"], given["Ids"])
        failed: list[events.RemoveTargetsResultEntry] = [
            {
                "TargetId": each,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": f"Rule {given['Rule']} has no target {each}.",
            }
            for each in missing
        ]
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    async def list_targets_by_rule(
        self, call: Call, given: events.ListTargetsByRuleRequest
    ) -> Mapping[str, Any]:
        page = await self._rules.targets(
            call,
            bus_in(call.scope, given.get("EventBusName")),
            given["Rule"],
            call.page_request(given, default=100, most=100, limit="Limit"),
        )
        return call.paged("Targets", page, _shown)

    async def list_rule_names_by_target(
        self, call: Call, given: events.ListRuleNamesByTargetRequest
    ) -> Mapping[str, Any]:
        page = await self._rules.names_by_target(
            call,
            bus_in(call.scope, given.get("EventBusName")),
            given["TargetArn"],
            call.page_request(given, default=100, most=100, limit="Limit"),
        )
        return call.paged("RuleNames", page, str)


def _rule(call: Call, rule: Rule) -> dict[str, Any]:
    written = {
        "Name": rule.name,
        "Arn": rule_arn(call.scope, rule.bus, rule.name),
        "State": rule.state,
        "EventBusName": rule.bus,
    }
    optional = {
        "EventPattern": rule.pattern,
        "ScheduleExpression": rule.schedule,
        "Description": rule.description,
        "RoleArn": rule.role,
    }
    return written | {name: text for name, text in optional.items() if text}


def _target(given: events.Target) -> Target:
    transformer = given.get("InputTransformer")
    http = given.get("HttpParameters")
    retry = given.get("RetryPolicy")
    run = given.get("RunCommandParameters")
    return Target(
        id=given["Id"],
        arn=given["Arn"],
        role=given.get("RoleArn", ""),
        input=given.get("Input"),
        path=given.get("InputPath"),
        transformer=None
        if transformer is None
        else Transformer(transformer["InputTemplate"], transformer.get("InputPathsMap", {})),
        nodes=tuple(
            (each["Key"], tuple(each["Values"]))
            for each in (run["RunCommandTargets"] if run else ())
        ),
        extras=None
        if http is None
        else Extras(
            tuple(http.get("PathParameterValues", ())),
            http.get("HeaderParameters", {}),
            http.get("QueryStringParameters", {}),
        ),
        retry=None
        if retry is None
        else Retry(
            retry.get("MaximumRetryAttempts", MOST_ATTEMPTS),
            retry.get("MaximumEventAgeInSeconds", MOST_AGE),
        ),
        dead_letters=given.get("DeadLetterConfig", {}).get("Arn", ""),
    )


def _shown(target: Target) -> Mapping[str, Any]:
    written: dict[str, Any] = {"Id": target.id, "Arn": target.arn}
    if target.role:
        written["RoleArn"] = target.role
    if target.input is not None:
        written["Input"] = target.input
    if target.path is not None:
        written["InputPath"] = target.path
    if target.transformer is not None:
        written["InputTransformer"] = {
            "InputPathsMap": target.transformer.paths,
            "InputTemplate": target.transformer.template,
        }
    if target.nodes:
        nodes = [{"Key": key, "Values": list(values)} for key, values in target.nodes]
        written["RunCommandParameters"] = {"RunCommandTargets": nodes}
    if target.extras is not None:
        written["HttpParameters"] = {
            "PathParameterValues": list(target.extras.path_values),
            "HeaderParameters": target.extras.headers,
            "QueryStringParameters": target.extras.query,
        }
    if target.retry is not None:
        written["RetryPolicy"] = {
            "MaximumRetryAttempts": target.retry.attempts,
            "MaximumEventAgeInSeconds": target.retry.age,
        }
    if target.dead_letters:
        written["DeadLetterConfig"] = {"Arn": target.dead_letters}
    return written
