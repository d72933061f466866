"""Buckets and logs beside commands: where output goes, and where downloads and attachments come
from, with a real agent."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.journeys.commands import answer, ended, node_online, send
from tests.support.aws_cli import AwsCli
from tests.support.processes import AgentProcess, ServerProcess, eventually

BUCKET = "output-of-steps"
LONG = "for n in $(seq 20000); do echo line $n; done"
WRITTEN = "".join(f"line {number}\n" for number in range(1, 20_001)).encode()
MAY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "logs:*"],
            "Resource": "*",
        }
    ],
}


@pytest.fixture(scope="module")
def s3(server: ServerProcess) -> Any:
    found = server.client("s3")
    found.create_bucket(Bucket=BUCKET)
    return found


@pytest.fixture(scope="module")
def writer(
    server: ServerProcess, ssm: Any, new_agents: Callable[..., list[AgentProcess]]
) -> Iterator[str]:
    """A node whose role may write output and read objects."""
    iam, named = server.client("iam"), {"RoleName": "OstlerManagedInstance", "PolicyName": "Output"}
    iam.put_role_policy(**named, PolicyDocument=json.dumps(MAY))
    [agent] = new_agents()
    agent.start()
    node_online(ssm, agent.node)
    yield agent.node
    iam.delete_role_policy(**named)


def test_whole_output_lies_in_the_bucket(
    server: ServerProcess, ssm: Any, s3: Any, writer: str
) -> None:
    """`aws s3 cp` reads what the API cuts, under AWS's keys, once the command has ended."""
    command = send(
        ssm, LONG, InstanceIds=[writer], OutputS3BucketName=BUCKET, OutputS3KeyPrefix="runs"
    )
    assert "Success" == ended(ssm, command)["Status"]
    key = f"runs/{command}/{writer}/awsrunShellScript/0.awsrunShellScript/stdout"

    said = answer(ssm, command, writer)
    assert said["StandardOutputUrl"] == f"{server.environment['AWS_ENDPOINT_URL']}/{BUCKET}/{key}"
    assert len(WRITTEN) > len(said["StandardOutputContent"])
    with AwsCli(server) as aws:
        done = aws.run("s3", "cp", f"s3://{BUCKET}/{key}", "-")
    assert (0, WRITTEN.decode()) == (done.returncode, done.stdout)


def test_lines_stand_in_the_log(server: ServerProcess, ssm: Any, writer: str) -> None:
    command = send(
        ssm,
        "echo out; echo err >&2",
        InstanceIds=[writer],
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True},
    )
    ended(ssm, command)

    found = server.client("logs").filter_log_events(
        logGroupName="/aws/ssm/AWS-RunShellScript", logStreamNamePrefix=command
    )["events"]

    stream = f"{command}/{writer}/aws-runShellScript"
    assert [(f"{stream}/stderr", "err"), (f"{stream}/stdout", "out")] == sorted(
        (each["logStreamName"], each["message"]) for each in found
    )


def test_steps_download_objects_and_folders(ssm: Any, s3: Any, writer: str, tmp_path: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="tools/ä one.sh", Body=b"echo one")
    s3.put_object(Bucket=BUCKET, Key="tools/deep/two.sh", Body=b"echo two")
    steps = [
        ("single", f"s3://{BUCKET}/tools/deep/two.sh", f"{tmp_path}/single.sh"),
        ("all", f"https://s3.us-east-1.amazonaws.com/{BUCKET}/tools/", f"{tmp_path}/all/"),
    ]
    content = {
        "schemaVersion": "2.2",
        "mainSteps": [
            {
                "action": "aws:downloadContent",
                "name": name,
                "inputs": {
                    "sourceType": "S3",
                    "sourceInfo": json.dumps({"path": path}),
                    "destinationPath": destination,
                },
            }
            for name, path, destination in steps
        ],
    }
    name = f"Journey-Downloads-{tmp_path.name}"
    ssm.create_document(Name=name, Content=json.dumps(content), DocumentType="Command")
    sent = ssm.send_command(DocumentName=name, InstanceIds=[writer])["Command"]["CommandId"]

    assert "Success" == ended(ssm, sent)["Status"]
    assert b"echo two" == (tmp_path / "single.sh").read_bytes()
    assert [b"echo one", b"echo two"] == [
        (tmp_path / "all" / each).read_bytes() for each in ("ä one.sh", "deep/two.sh")
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("SourceUrl", f"s3://{BUCKET}/files"),
        ("S3FileUrl", f"https://s3.us-east-1.amazonaws.com/{BUCKET}/files/tool.bin"),
    ],
)
def test_attachments_come_from_buckets(ssm: Any, s3: Any, kind: str, value: str) -> None:
    s3.put_object(Bucket=BUCKET, Key="files/tool.bin", Body=b"tool")
    name = f"Journey-{kind}-{hashlib.sha256(value.encode()).hexdigest()[:8]}"
    step = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["date"]}}
    ssm.create_document(
        Name=name,
        Content=json.dumps({"schemaVersion": "2.2", "mainSteps": [step]}),
        DocumentType="Command",
        Attachments=[{"Key": kind, "Values": [value], "Name": "tool.bin"}],
    )
    eventually(
        "the attachment",
        lambda: ssm.describe_document(Name=name)["Document"]["Status"] == "Active",
    )

    [attachment] = ssm.get_document(Name=name)["AttachmentsContent"]
    assert hashlib.sha256(b"tool").hexdigest() == attachment["Hash"]
