"""Logs, driven by boto3 and the aws CLI, on each engine."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.aws_cli import AwsCli
from tests.support.processes import ServerProcess


@pytest.fixture(scope="module")
def logs(server: ServerProcess) -> Any:
    return server.client("logs")


@pytest.fixture
def group(logs: Any, request: pytest.FixtureRequest) -> str:
    """A group for one test, with a stream `s`."""
    name = f"/tests/{request.node.name.partition('[')[0]}"
    logs.create_log_group(logGroupName=name, tags={"of": "tests"})
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    return name


def put(logs: Any, group: str, *messages: str, stream: str = "s") -> int:
    now = int(time.time() * 1000)  # noqa: TID251 - a real client has a real clock
    events = [
        {"timestamp": now + number, "message": message} for number, message in enumerate(messages)
    ]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    return now


def refused(code: str, ask: Any, **given: Any) -> None:
    with pytest.raises(ClientError) as caught:
        ask(**given)
    assert code == caught.value.response["Error"]["Code"]


def test_groups_and_streams(logs: Any, group: str) -> None:
    refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName=group)
    refused(
        "ResourceAlreadyExistsException",
        logs.create_log_stream,
        logGroupName=group,
        logStreamName="s",
    )
    [found] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert group == found["logGroupName"]
    assert found["arn"].endswith(f":log-group:{group}:*")
    assert [found] == logs.describe_log_groups(logGroupNamePattern=group[3:].upper())["logGroups"]
    assert {"of": "tests"} == logs.list_tags_for_resource(resourceArn=found["logGroupArn"])["tags"]
    logs.tag_resource(resourceArn=found["logGroupArn"], tags={"more": "1"})
    logs.untag_resource(resourceArn=found["logGroupArn"], tagKeys=["of"])
    assert {"more": "1"} == logs.list_tags_log_group(logGroupName=group)["tags"]

    logs.delete_log_stream(logGroupName=group, logStreamName="s")
    assert [] == logs.describe_log_streams(logGroupName=group)["logStreams"]
    logs.delete_log_group(logGroupName=group)
    refused("ResourceNotFoundException", logs.describe_log_streams, logGroupName=group)


def test_streams_by_name_and_by_their_last_event(logs: Any, group: str) -> None:
    for name in ("a", "b", "c"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    put(logs, group, "x", stream="b")

    pages = logs.get_paginator("describe_log_streams")
    by_name = pages.paginate(logGroupName=group, PaginationConfig={"PageSize": 1})
    assert ["a", "b", "c", "s"] == names(by_name)
    by_time = pages.paginate(
        logGroupName=group,
        orderBy="LastEventTime",
        descending=True,
        PaginationConfig={"PageSize": 2},
    )
    assert ["b", "s", "c", "a"] == names(by_time)


def names(pages: Any) -> list[str]:
    return [each["logStreamName"] for page in pages for each in page["logStreams"]]


def test_events_forwards_and_backwards(logs: Any, group: str) -> None:
    put(logs, group, *(f"line {number}" for number in range(5)))
    asked = {"logGroupName": group, "logStreamName": "s", "limit": 2}

    first = logs.get_log_events(**asked, startFromHead=True)
    second = logs.get_log_events(**asked, nextToken=first["nextForwardToken"])
    third = logs.get_log_events(**asked, nextToken=second["nextForwardToken"])
    end = logs.get_log_events(**asked, nextToken=third["nextForwardToken"])
    assert [["line 0", "line 1"], ["line 2", "line 3"], ["line 4"], []] == [
        messages(each) for each in (first, second, third, end)
    ]
    assert third["nextForwardToken"] == end["nextForwardToken"]
    put(logs, group, "later")
    assert ["later"] == messages(logs.get_log_events(**asked, nextToken=end["nextForwardToken"]))
    newest = logs.get_log_events(**asked)
    assert ["line 4", "later"] == messages(newest)
    back = logs.get_log_events(**asked, nextToken=newest["nextBackwardToken"])
    assert ["line 2", "line 3"] == messages(back)
    refused("InvalidParameterException", logs.get_log_events, **asked, nextToken="f/x")


def messages(answer: Any) -> list[str]:
    return [each["message"] for each in answer["events"]]


def test_filters(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="t")
    now = put(logs, group, "ERROR one", "fine", '{"level": "ERROR", "ms": 7}')
    put(logs, group, "ERROR two", stream="t")

    def found(**given: Any) -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, PaginationConfig={"PageSize": 1}, **given
        )
        return sorted(each["message"] for page in pages for each in page["events"])

    assert ["ERROR one", "ERROR two"] == found(filterPattern="ERROR -level")
    assert ['{"level": "ERROR", "ms": 7}'] == found(filterPattern="{ $.ms > 5 }")
    assert ["ERROR two"] == found(filterPattern="ERROR", logStreamNames=["t"])
    assert ["ERROR one"] == found(startTime=now, endTime=now + 1, logStreamNamePrefix="s")
    refused(
        "InvalidParameterException",
        logs.filter_log_events,
        logGroupName=group,
        filterPattern="{ $.a",
    )


def test_what_is_not_taken_is_told(logs: Any, group: str) -> None:
    long_ago = [{"timestamp": 0, "message": "1970"}]
    answer = logs.put_log_events(
        logGroupName=group, logStreamName="s", logEvents=long_ago, sequenceToken="whatever"
    )

    assert {"tooOldLogEventEndIndex": 1} == answer["rejectedLogEventsInfo"]
    assert answer["nextSequenceToken"]


def test_retention(logs: Any, group: str) -> None:
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    [found] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert 7 == found["retentionInDays"]
    refused(
        "InvalidParameterException",
        logs.put_retention_policy,
        logGroupName=group,
        retentionInDays=8,
    )
    logs.delete_retention_policy(logGroupName=group)
    [found] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert "retentionInDays" not in found


@pytest.fixture(scope="module")
def aws(server: ServerProcess) -> Iterator[AwsCli]:
    with AwsCli(server) as cli:
        yield cli


def test_the_aws_cli(aws: AwsCli, logs: Any, group: str) -> None:
    now = put(logs, group, "ready")
    event = json.dumps([{"timestamp": now, "message": "from the CLI"}])
    named = ("--log-group-name", group, "--log-stream-name", "s")
    done = aws.run("logs", "put-log-events", *named, "--log-events", event)
    assert 0 == done.returncode, done.stderr

    told = aws.run("logs", "get-log-events", *named, "--query", "events[].message")
    assert ["ready", "from the CLI"] == json.loads(told.stdout)
    told = aws.run(
        "logs",
        "filter-log-events",
        *("--log-group-name", group, "--filter-pattern", "CLI", "--query", "events[].message"),
    )
    assert ["from the CLI"] == json.loads(told.stdout)
