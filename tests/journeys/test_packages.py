"""Packages by boto3: published with their files, installed and removed by an agent."""

import hashlib
import http.server
import json
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.commands import answer, ended, node_online
from tests.journeys.test_attachments import Quiet
from tests.support.processes import ServerProcess, enrol, eventually

MANIFEST = {
    "schemaVersion": "2.0",
    "version": "1.0.0",
    "packages": {"_any": {"_any": {"_any": {"file": "tool.zip"}}}},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a folder with a package's file in it."""
    folder = Path(tmp_path_factory.mktemp("shop"))
    with zipfile.ZipFile(folder / "tool.zip", "w") as archive:
        archive.writestr("install.sh", 'echo "hello $SSM_NAME"')
        archive.writestr("uninstall.sh", "echo bye")
    serving = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    sha256 = hashlib.sha256((folder / "tool.zip").read_bytes()).hexdigest()
    MANIFEST["files"] = {"tool.zip": {"checksums": {"sha256": sha256}}}
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that trusts this machine's files; packages are the same on every database."""
    folder = Path(tmp_path_factory.mktemp("trusting"))
    (folder / "settings.toml").write_text('trusted_hosts = ["127.0.0.1"]\n')
    running = ServerProcess(folder / "data", "--config", str(folder / "settings.toml")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def node(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    [agent] = enrol(server, Path(tmp_path_factory.mktemp("agents")), 1)
    agent.start()
    node_online(server.client(), agent.node)
    yield agent.node
    agent.stop()


def configure(ssm: Any, node: str, **given: str) -> dict[str, Any]:
    """What a node says of the package `tool`."""
    parameters = {name: [value] for name, value in {"name": "tool", **given}.items()}
    sent = ssm.send_command(
        InstanceIds=[node], DocumentName="AWS-ConfigureAWSPackage", Parameters=parameters
    )
    command = sent["Command"]["CommandId"]
    ended(ssm, command)
    return answer(ssm, command, node)


def test_a_package_is_installed_and_removed(server: ServerProcess, shop: str, node: str) -> None:
    ssm = server.client()
    ssm.create_document(
        Name="tool",
        Content=json.dumps(MANIFEST),
        DocumentType="Package",
        VersionName="1.0.0",
        Attachments=[{"Key": "SourceUrl", "Values": [shop], "Name": "tool.zip"}],
    )
    eventually(
        "the package",
        lambda: ssm.describe_document(Name="tool")["Document"]["Status"] == "Active",
    )

    installed = configure(
        ssm, node, action="Install", additionalArguments=json.dumps({"SSM_NAME": "world"})
    )
    removed = configure(ssm, node, action="Uninstall")

    assert "hello world\ntool 1.0.0 is installed.\n" == installed["StandardOutputContent"]
    assert "bye\ntool 1.0.0 is removed.\n" == removed["StandardOutputContent"]


def test_a_package_that_is_missing_fails(server: ServerProcess, node: str) -> None:
    told = configure(server.client(), node, name="nothing", action="Install")

    assert "Failed" == told["Status"]
    assert "InvalidDocument" in told["StandardErrorContent"]
