"""Output of commands in an S3 elsewhere: here another server of ours plays it."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.commands import answer, ended, node_online
from tests.support.processes import ServerProcess, enrol


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[ServerProcess, str]]:
    """A server with a bucket, and where it is without TLS, whose authority nobody here knows."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = ServerProcess(tmp_path / "elsewhere", "--http-port", str(port)).start()
    running.client("s3").create_bucket(Bucket="results")
    yield running, f"http://127.0.0.1:{port}"
    running.stop()


@pytest.fixture
def here(tmp_path: Path, elsewhere: tuple[ServerProcess, str]) -> Iterator[ServerProcess]:
    there, url = elsewhere
    credentials = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    settings = {name: there.environment[name] for name in credentials}
    running = ServerProcess(
        tmp_path / "here", settings={**settings, "OSTLER_S3_ENDPOINT": url}
    ).start()
    yield running
    running.stop()


def test_output_goes_to_the_bucket_elsewhere(
    tmp_path: Path, here: ServerProcess, elsewhere: tuple[ServerProcess, str]
) -> None:
    there, url = elsewhere
    ssm: Any = here.client()
    here.client("iam").put_role_policy(
        RoleName="OstlerManagedInstance",
        PolicyName="Output",
        PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        '"Action": "s3:PutObject", "Resource": "*"}]}',
    )
    [agent] = enrol(here, tmp_path / "agents", 1)
    agent.start()
    try:
        node_online(ssm, agent.node)
        sent = ssm.send_command(
            DocumentName="AWS-RunShellScript",
            Parameters={"commands": ["echo elsewhere"]},
            InstanceIds=[agent.node],
            OutputS3BucketName="results",
        )["Command"]["CommandId"]
        ended(ssm, sent)
    finally:
        agent.stop()

    said = answer(ssm, sent, agent.node)["StandardOutputUrl"]
    assert said.startswith(f"{url}/results/{sent}/")
    key = said.removeprefix(f"{url}/results/")
    found = there.client("s3").get_object(Bucket="results", Key=key)
    assert b"elsewhere\n" == found["Body"].read()
