"""Jobs: written exactly as agents read them, read as leniently as they deserve."""

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.wire.agent import jobs
from ostler.wire.agent.jobs import (
    AckCode,
    BrokenMessage,
    CancelContent,
    Job,
    JobAck,
    JobReply,
    PluginReply,
    ReplyAck,
    ReplyContent,
    SendCommandContent,
    TaskAck,
    TaskComplete,
)

KINDS = [Job, JobAck, JobReply, ReplyAck, SendCommandContent, CancelContent, ReplyContent]
# What the stock agent 3.3 sends after one step of one.
REPLY = {
    "additionalInfo": {
        "agent": {
            "lang": "en-US",
            "name": "amazon-ssm-agent",
            "os": "linux",
            "osver": "1",
            "ver": "3.3.0.0",
        },
        "dateTime": "2026-01-01T00:00:00.000Z",
        "runId": "",
        "runtimeStatusCounts": {"Success": 1},
    },
    "documentStatus": "Success",
    "documentTraceOutput": "",
    "runtimeStatus": {
        "greet": {
            "status": "Success",
            "code": 0,
            "name": "aws:runShellScript",
            "output": "hello\n",
            "startDateTime": "2026-01-01T00:00:00.000Z",
            "endDateTime": "2026-01-01T00:00:01.000Z",
            "outputS3BucketName": "bucket",
            "outputS3KeyPrefix": "prefix",
            "stepName": "greet",
            "standardOutput": "hello\n",
            "standardError": "",
        }
    },
}


def test_a_job_is_written_as_the_agent_reads_it():
    job = Job("aws.ssm.c.mi-1", jobs.SEND_COMMAND, "{}")
    assert {
        "JobId": "aws.ssm.c.mi-1",
        "Topic": "aws.ssm.sendCommand",
        "Content": "{}",
        "SchemaVersion": 1,
    } == json.loads(jobs.encode(job))


def test_a_command_is_written_as_the_agent_reads_it():
    content = SendCommandContent("c", "AWS-RunShellScript", {"schemaVersion": "2.2"})
    assert {
        "CommandId": "c",
        "DocumentName": "AWS-RunShellScript",
        "DocumentContent": {"schemaVersion": "2.2"},
        "Parameters": {},
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
        "CloudWatchLogGroupName": "",
        "CloudWatchOutputEnabled": "false",
    } == json.loads(jobs.text(content))


def test_a_cancellation_is_written_as_the_agent_reads_it():
    assert {"CancelMessageId": "aws.ssm.c.mi-1"} == json.loads(
        jobs.text(CancelContent("aws.ssm.c.mi-1"))
    )


def test_an_acknowledgement_is_written_as_the_agent_does():
    ack = JobAck("aws.ssm.c.mi-1", "id", "2026-01-01T00:00:00.000Z", "200", "Successful")
    assert {
        "jobId": "aws.ssm.c.mi-1",
        "acknowledgedMessageId": "id",
        "createdDate": "2026-01-01T00:00:00.000Z",
        "statusCode": "200",
        "errorMessage": "Successful",
    } == json.loads(jobs.encode(ack))


def test_a_reply_is_acknowledged_as_the_agent_reads_it():
    assert {"jobId": "j", "acknowledgedMessageId": "id"} == json.loads(
        jobs.encode(ReplyAck("j", "id"))
    )


def test_a_stock_reply_is_read_and_written_the_same():
    content = jobs.decode(json.dumps(REPLY), ReplyContent)
    assert "hello\n" == content.runtime_status["greet"].standard_output
    assert REPLY == json.loads(jobs.encode(content))


def test_a_reply_over_polling_tells_whether_the_control_channel_is_reachable():
    told = {**REPLY, "additionalInfo": {"ableToOpenMGSConnection": True}}
    content = jobs.decode(json.dumps(told), ReplyContent)
    assert content.additional_info.able_to_open_mgs_connection is True
    assert json.loads(jobs.encode(content))["additionalInfo"]["ableToOpenMGSConnection"] is True


def test_a_first_reply_has_no_steps():
    content = jobs.decode('{"documentStatus":"InProgress","runtimeStatus":null}', ReplyContent)
    assert ReplyContent("InProgress") == content


def test_unknown_members_and_numbers_as_text_are_tolerated():
    step = '{"status":"Failed","code":"137"}'
    told = f'{{"documentStatus":"Failed","new":{{}},"runtimeStatus":{{"a":{step}}}}}'
    content = jobs.decode(told, ReplyContent)
    assert {"a": PluginReply("Failed", 137)} == content.runtime_status


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a\u0000b", "a\ufffdb"),
        (r"\u0000\u0000", "\ufffd\ufffd"),
        (r"\\u0000", r"\u0000"),
        (r"\\\u0000", "\\\ufffd"),
    ],
)
def test_the_character_nul_is_read_as_one_that_can_be_kept(written, read):
    """A reply that cannot be kept would be said again for ever, and its command never end."""
    told = f'{{"jobId":"j","errorMessage":"{written}"}}'

    assert read == jobs.decode(told, JobAck).error_message
    assert read == jobs.decode(told.encode(), JobAck).error_message


def test_an_acknowledgement_may_have_its_code_as_a_number():
    ack = jobs.decode('{"jobId":"j","statusCode":51402}', JobAck)
    assert AckCode.FULL == ack.code


def test_the_end_of_a_session_is_acknowledged_by_its_frame():
    told = jobs.decode('{"SchemaVersion":1,"TaskId":"s","Topic":"t","RetryNumber":0}', TaskComplete)
    assert ("s", "t") == (told.task_id, told.topic)
    assert {"SchemaVersion": 1, "MessageId": "m", "TaskId": "s", "Topic": "t"} == json.loads(
        jobs.encode(TaskAck("m", told.task_id, told.topic))
    )


@pytest.mark.parametrize("kind", KINDS)
@given(payload=st.binary(max_size=100))
def test_any_bytes_are_a_message_or_broken(kind, payload):
    with contextlib.suppress(BrokenMessage):
        assert isinstance(jobs.decode(payload, kind), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_depth_and_size_are_bounded(kind):
    with pytest.raises(BrokenMessage):
        jobs.decode(b'{"x":' * 20_000, kind)
    with pytest.raises(BrokenMessage, match="too much"):
        jobs.decode(b" " * 300_000, kind)


def test_a_job_id_names_command_and_node():
    job = jobs.job_id("0f9d", "mi-0123")
    assert "aws.ssm.0f9d.mi-0123" == job
    assert ("0f9d", "mi-0123") == (jobs.command_of(job), jobs.node_of(job))


@pytest.mark.parametrize("job", ["", "aws.ssm.mi-1", "aws.ssm..mi-1", "...."])
def test_what_is_no_job_id_is_broken(job):
    with pytest.raises(BrokenMessage):
        jobs.command_of(job)


def test_instants_are_written_in_milliseconds():
    assert "2026-01-01T00:00:00.120Z" == jobs.iso8601(
        datetime(2026, 1, 1, microsecond=120_999, tzinfo=UTC)
    )
