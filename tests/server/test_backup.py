"""Backups: made while the server runs, and good for making it anew."""

import asyncio
import gzip
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ostler.foundation.blobs import Blobs
from ostler.foundation.clock import ManualClock
from ostler.server import backup, main
from ostler.server.backup import contents
from ostler.server.backup.archive import members, writing
from ostler.server.compose import compose
from ostler.server.settings import Settings
from tests.journeys.commands import ended, node_online, send
from tests.support.databases import ENGINES
from tests.support.postgresql import cluster
from tests.support.processes import ServerProcess, enrol, environment, run

_names = itertools.count(1)

Typed = Callable[..., str]


def empty_database(engine: str) -> str:
    """The URL of a new database; none for the SQLite file that a server makes for itself."""
    if engine == "sqlite":
        return ""
    name = f"drill{next(_names)}"
    cluster().say(f"CREATE DATABASE {name}")
    return cluster().url(name)


def done(*words: str | Path, database: str) -> None:
    """Have `ostler-server` do it, in a process of its own."""
    command = [sys.executable, "-m", "ostler.server.main", *map(str, words)]
    ended = run([*command, *(["--database", database] if database else [])], environment())
    assert 0 == ended.returncode, ended.stderr


@contextmanager
def documents_being_made(ssm: Any) -> Iterator[list[str]]:
    """The names of documents that are made, one after the other, as long as the block lasts."""
    made: list[str] = []
    enough = threading.Event()

    def make() -> None:
        step = {"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": ["true"]}}
        content = {"schemaVersion": "2.2", "mainSteps": [step]}
        while not enough.is_set() and len(made) < 100:
            name = f"Document-{len(made):04}"
            ssm.create_document(Name=name, Content=json.dumps(content), DocumentType="Command")
            made.append(name)

    making = threading.Thread(target=make)
    making.start()
    try:
        yield made
    finally:
        enough.set()
        making.join()


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_is_lost_and_made_anew(engine: str, tmp_path: Path) -> None:
    """Its users, documents, nodes and outputs are there again, and no node has to be told."""
    vault, folder = tmp_path / "vault", tmp_path / "second"
    vault.mkdir()
    with ExitStack() as stack:
        database = empty_database(engine)
        server = ServerProcess(tmp_path / "first", database=database).start()
        stack.callback(server.stop)
        ssm = server.client()
        [agent] = enrol(server, tmp_path, 1, role="fleet")
        stack.callback(agent.stop)
        agent.start()
        node_online(ssm, agent.node)
        assert "Success" == ended(ssm, send(ssm, "seq 20000"))["Status"]
        key = server.admin("key", "create", "administrator")

        with documents_being_made(ssm) as made:
            done("backup", "--data", server.data, "--to", vault, database=database)
        server.kill()
        agent.stop()
        [file] = vault.iterdir()
        database = empty_database(engine)
        done("restore", "--data", folder, "--from", file, database=database)

        anew = ServerProcess(folder, database=database)
        anew.port = server.port
        stack.callback(anew.start().stop)
        ssm = anew.client(
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            verify=server.environment["AWS_CA_BUNDLE"],
        )
        assert files(server.data / "blobs") == files(anew.data / "blobs") != {}
        kept = own_documents(ssm)
        assert made[: len(kept)] == kept
        agent.start()
        assert "Success" == ended(ssm, send(ssm, "echo after"))["Status"]


def own_documents(ssm: Any) -> list[str]:
    own = ssm.get_paginator("list_documents").paginate(
        Filters=[{"Key": "Owner", "Values": ["Self"]}]
    )
    return [each["Name"] for page in own for each in page["DocumentIdentifiers"]]


# What can be in the way


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a server that was started once and has a blob."""

    async def start() -> None:
        settings = Settings(data=tmp_path / "server")
        house = await compose(settings, clock=ManualClock())
        house.storage.close()
        await Blobs(settings.blobs_url).put("a/../strange key\n", b"blob")

    asyncio.run(start())
    return tmp_path / "server"


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types `ostler-server` and some words; what it says."""

    def typed(*words: str | Path, status: int = 0) -> str:
        assert status == main.main([*map(str, words)])
        return capsys.readouterr().err

    return typed


@pytest.fixture
def file(data: Path, tmp_path: Path, typed: Typed) -> Path:
    """A good backup."""
    path = tmp_path / "backup.tar.gz"
    typed("backup", "--data", data, "--to", path)
    return path


async def test_a_backup_is_told_of_and_brought_back(
    file: Path, data: Path, tmp_path: Path, typed: Typed
) -> None:
    told = typed("restore", "--from", file, "--check")
    assert "is whole: Ostler 0.1.0 on sqlite" in told
    assert "1 blobs" in told

    anew = tmp_path / "anew" / "server"
    await asyncio.to_thread(typed, "restore", "--data", anew, "--from", file)

    assert b"blob" == await Blobs(str(anew / "blobs")).get("a/../strange key\n")
    assert (data / "keys").read_bytes() == (anew / "keys").read_bytes()
    assert {0o600} == {path.stat().st_mode & 0o777 for path in (anew / "keys", file)}
    assert 0o700 == anew.stat().st_mode & 0o777


def test_sha256sum_finds_a_backup_good(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    subprocess.run(["tar", "--extract", "--file", file], cwd=folder, check=True)

    checked = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder)

    assert 0 == checked.returncode


def test_blobs_may_be_left_to_their_own_store(data: Path, tmp_path: Path, typed: Typed) -> None:
    path = tmp_path / "small.tar.gz"
    typed("backup", "--data", data, "--to", path, "--without-blobs")

    assert "no blobs" in typed("restore", "--from", path, "--check")


def test_a_backup_replaces_nothing(file: Path, data: Path, typed: Typed) -> None:
    before = file.read_bytes()

    assert "exists already" in typed("backup", "--data", data, "--to", file, status=1)
    assert before == file.read_bytes()
    assert [data, file] == sorted(file.parent.iterdir(), reverse=True)


def test_only_an_empty_folder_is_restored_into(file: Path, data: Path, typed: Typed) -> None:
    before = files(data)

    told = typed("restore", "--data", data, "--from", file, status=1)

    assert "is not empty" in told
    assert before == files(data)


@pytest.mark.parametrize("damage", ["cut", "changed", "foreign", "incomplete"])
def test_a_damaged_backup_is_not_restored(
    file: Path, tmp_path: Path, typed: Typed, damage: str
) -> None:
    content = file.read_bytes()
    match damage:
        case "cut":
            file.write_bytes(content[: len(content) * 2 // 3])
        case "changed":
            plain = bytearray(gzip.decompress(content))
            plain[plain.index(b"administrator")] ^= 1
            file.write_bytes(gzip.compress(bytes(plain)))
        case "foreign":
            file.write_bytes(b"something else")
        case "incomplete":
            rewrite(file, {})
            file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes())[:-20_000]))

    told = typed("restore", "--data", tmp_path / "anew", "--from", file, status=1)

    assert str(file) in told
    assert not (tmp_path / "anew").exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": 2}, "format 2"),
        ({"version": "9.0", "steps": [["nodes", 999]]}, "of Ostler 9.0, whose tables"),
    ],
)
def test_a_later_versions_backup_is_refused(
    file: Path, tmp_path: Path, typed: Typed, change: Any, complaint: str
) -> None:
    rewrite(file, change)

    told = typed("restore", "--data", tmp_path / "anew", "--from", file, status=1)

    assert complaint in told
    assert not (tmp_path / "anew").exists()


def test_a_restore_that_fails_leaves_nothing(
    file: Path, tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(blobs: Blobs, key: str, data: bytes) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Blobs, "put", full)

    told = typed("restore", "--data", tmp_path / "anew", "--from", file, status=1)

    assert "No space left" in told
    assert [] == list((tmp_path / "anew").iterdir())


def test_a_server_does_not_start_on_half_a_restore(tmp_path: Path, typed: Typed) -> None:
    (tmp_path / backup.UNFINISHED).touch()

    assert "is half restored" in typed("--data", tmp_path, status=2)


def test_there_must_be_a_server(tmp_path: Path, typed: Typed) -> None:
    told = typed("backup", "--data", tmp_path, "--to", tmp_path / "file", status=1)

    assert "No server keeps its keys" in told
    assert [] == list(tmp_path.iterdir())


def rewrite(file: Path, change: dict[str, Any]) -> None:
    """Make it a whole backup again, with another header."""
    found = dict(members(file))
    found[contents.HEADER] = json.dumps(json.loads(found[contents.HEADER]) | change).encode()
    with file.open("wb") as anew, writing(anew, ManualClock().now()) as archive:
        for name, content in found.items():
            archive.add(name, content)
