"""Troubles of real machines: full disks, readers that never read. Nobody else has to suffer."""

import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from ostler.foundation.clock import SystemClock
from ostler.wire import sigv4
from ostler.wire.http import Request
from tests.journeys.commands import ended, node_online, send, told
from tests.support.processes import AgentProcess, ServerProcess, enrol, eventually

NO_MORE = 4096
"""Files may be so long and no longer: so a full disk looks to a process, and takes no root."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path / "server").start()
    yield running
    running.stop()


@pytest.fixture
def agent(server: ServerProcess, tmp_path: Path) -> Iterator[AgentProcess]:
    [one] = enrol(server, tmp_path, 1, role="fleet")
    one.start()
    node_online(server.client(), one.node)
    yield one
    one.stop()


@contextmanager
def full_disk(process: int) -> Iterator[None]:
    """Let a process that runs write no more, as long as the block lasts."""
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (NO_MORE, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)


def ready(server: ServerProcess) -> bool:
    return b" 200 " in ask(server, b"GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n")


@contextmanager
def line_to(server: ServerProcess) -> Iterator[ssl.SSLSocket]:
    told = server.environment
    url = urlsplit(told["AWS_ENDPOINT_URL"])
    trust = ssl.create_default_context(cafile=told["AWS_CA_BUNDLE"])
    with (
        socket.create_connection((url.hostname, url.port), timeout=30) as plain,
        trust.wrap_socket(plain, server_hostname=url.hostname) as line,
    ):
        yield line


def ask(server: ServerProcess, request: bytes) -> bytes:
    with line_to(server) as line:
        line.sendall(request)
        return line.recv(4096)


def test_a_server_on_a_full_disk_promises_nothing_and_goes_on_once_there_is_room(
    server: ServerProcess, agent: AgentProcess
) -> None:
    ssm = server.client()

    with full_disk(server.id):
        with pytest.raises(ClientError) as refused:
            send(ssm, "true", Comment="on a full disk")
        eventually("word that it is not ready", lambda: not ready(server))
        read = ssm.describe_instance_information()["InstanceInformationList"]
    eventually("word that it is ready", lambda: ready(server))
    command = send(ssm, "echo there is room")

    assert 500 == refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert agent.node == read[0]["InstanceId"]
    assert "Success" == ended(ssm, command)["Status"]
    known = ssm.list_commands()["Commands"]
    assert "on a full disk" not in {one.get("Comment") for one in known}


def test_an_agent_on_a_full_disk_begins_nothing_and_does_it_once_there_is_room(
    server: ServerProcess, agent: AgentProcess, tmp_path: Path
) -> None:
    ssm, runs = server.client(), tmp_path / "runs"

    with full_disk(agent.id):
        # The line that says that the job is accepted is longer than what may be written.
        command = send(ssm, f"echo begun >> {runs}; : {'x' * NO_MORE}")
        eventually("the agent's refusal", lambda: "job_not_written" in agent.log.read_text())
        waiting = told(ssm, command)["Status"]

    assert waiting in ("Pending", "InProgress")
    assert not runs.exists()
    assert "Success" == ended(ssm, command)["Status"]
    assert "begun\n" == runs.read_text()


READERS = 200


def a_question(server: ServerProcess, operation: str, body: bytes) -> bytes:
    """A signed request, as bytes."""
    told = server.environment
    headers = {
        "host": urlsplit(told["AWS_ENDPOINT_URL"]).netloc,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"AmazonSSM.{operation}",
    }
    signed = sigv4.sign(
        Request("POST", "/", "", headers, body),
        access_key=told["AWS_ACCESS_KEY_ID"],
        secret=told["AWS_SECRET_ACCESS_KEY"],
        region=told["AWS_REGION"],
        service="ssm",
        at=SystemClock().now(),
    )
    lines = [f"{name}: {value}" for name, value in signed.headers.items()]
    head = "\r\n".join(["POST / HTTP/1.1", *lines, f"content-length: {len(body)}", "", ""])
    return head.encode() + body


def test_readers_who_never_read_keep_nobody_waiting_and_fill_no_memory(
    server: ServerProcess, agent: AgentProcess
) -> None:
    """Each asks again and again for a megabyte of output, and takes none of it."""
    ssm = server.client()
    command = send(ssm, "head -c 1048576 /dev/zero | tr '\\\\0' x")
    assert "Success" == ended(ssm, command)["Status"]
    wanted = f'{{"CommandId":"{command}","InstanceId":"{agent.node}","MaxBytes":1048576}}'
    question = a_question(server, "GetCommandOutput", wanted.encode())

    before = server.memory
    with readers(server, READERS) as lines:
        for line in lines:
            line.sendall(question * 5)
        quick = [ssm.list_commands(CommandId=command) for _ in range(20)]
        grown = server.memory - before

    assert 20 == len(quick)
    # An answer, its base64 and its JSON take four megabytes while they are made, and each had two.
    assert grown < READERS * 2.5


@contextmanager
def readers(server: ServerProcess, count: int) -> Iterator[list[Any]]:
    """Lines on which nothing will be read, of which the kernel keeps little."""
    if not count:
        yield []
        return
    with line_to(server) as line, readers(server, count - 1) as others:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        yield [line, *others]
