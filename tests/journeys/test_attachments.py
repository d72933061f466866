"""Attachments by boto3: brought from a web server, and fetched again by their links."""

import hashlib
import http.server
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.processes import ServerProcess, eventually

FILE = bytes(range(256)) * 20_000
NAME = "Journey-Attachments"
STEP = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["date"]}}
CONTENT = json.dumps({"schemaVersion": "2.2", "mainSteps": [STEP]})


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, *arguments: Any) -> None:
        return None


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a folder with the file in it."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "tool.bin").write_bytes(FILE)
    serving = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that trusts this machine's files; what it keeps of them is the same everywhere."""
    folder = Path(tmp_path_factory.mktemp("trusting"))
    (folder / "settings.toml").write_text('trusted_hosts = ["127.0.0.1"]\n')
    running = ServerProcess(folder / "data", "--config", str(folder / "settings.toml")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def link(server: ServerProcess, source: str) -> str:
    """The link to the attachment of a document that has one."""
    ssm = server.client()
    ssm.create_document(
        Name=NAME,
        Content=CONTENT,
        DocumentType="Command",
        Attachments=[{"Key": "SourceUrl", "Values": [source], "Name": "tool.bin"}],
    )
    eventually(
        "the attachment",
        lambda: ssm.describe_document(Name=NAME)["Document"]["Status"] == "Active",
    )
    [attachment] = ssm.get_document(Name=NAME)["AttachmentsContent"]
    assert ("tool.bin", len(FILE), hashlib.sha256(FILE).hexdigest()) == (
        attachment["Name"],
        attachment["Size"],
        attachment["Hash"],
    )
    return str(attachment["Url"])


def fetch(server: ServerProcess, url: str, method: str = "GET", **headers: str) -> Any:
    """What a client without any credentials gets."""
    trust = ssl.create_default_context(cafile=server.environment["AWS_CA_BUNDLE"])
    request = urllib.request.Request(url, method=method, headers=headers)
    return urllib.request.urlopen(request, context=trust)


def test_the_link_leads_to_the_file(server: ServerProcess, link: str) -> None:
    assert urlsplit(server.environment["AWS_ENDPOINT_URL"])[:2] == urlsplit(link)[:2]
    with fetch(server, link) as answer:
        content = answer.read()

    assert str(len(FILE)) == answer.headers["content-length"]
    assert hashlib.sha256(FILE).hexdigest() == hashlib.sha256(content).hexdigest()


def test_its_length_and_its_parts_can_be_asked_for(server: ServerProcess, link: str) -> None:
    with fetch(server, link, "HEAD") as answer:
        assert (200, b"") == (answer.status, answer.read())
        assert str(len(FILE)) == answer.headers["content-length"]
    with fetch(server, link, range="bytes=100-199") as answer:
        assert (206, FILE[100:200]) == (answer.status, answer.read())


def test_a_link_by_another_name_of_the_server_is_its_own(server: ServerProcess, link: str) -> None:
    endpoint = server.environment["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost")
    ssm = server.client(endpoint_url=endpoint)

    [attachment] = ssm.get_document(Name=NAME)["AttachmentsContent"]

    assert f"{endpoint}/v1/attachments" == attachment["Url"].rsplit("/", 2)[0]
    assert attachment["Url"] != link


def test_a_changed_link_is_refused_in_words(server: ServerProcess, link: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(server, link.replace("tool.bin", "other.bin"))

    assert (403, b"The link belongs to a file of another name.\n") == (
        refused.value.code,
        refused.value.read(),
    )
