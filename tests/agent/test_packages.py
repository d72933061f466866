"""Packages: installed, brought up to date, removed, and interrupted on the way."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ostler.agent.host import HostFault
from ostler.agent.host.linux import LinuxHost
from ostler.foundation.clock import SystemClock
from ostler.wire.agent.jobs import PluginReply
from ostler.wire.http import Response
from tests.agent.life import World
from tests.agent.server import a_job

SCRIPTS = {"install.sh": "echo in", "uninstall.sh": "echo out"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def publish(
    world: World,
    version: str,
    files: Mapping[str, str],
    *,
    packages: Any = None,
    digest: str = "",
) -> None:
    """Have the server offer a version of the package `tool`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    link = f"https://links.test/{version}.zip"
    world.server.pages[link] = Response(200, {}, content.getvalue())
    sha256 = digest or hashlib.sha256(content.getvalue()).hexdigest()
    manifest = {
        "schemaVersion": "2.0",
        "version": version,
        "packages": packages or {"_any": {"_any": {"_any": {"file": "tool.zip"}}}},
        "files": {"tool.zip": {"checksums": {"sha256": sha256}}},
    }
    world.server.packages.setdefault("tool", {})[version] = {
        "Content": json.dumps(manifest),
        "AttachmentsContent": [{"Name": "tool.zip", "Url": link}],
    }


async def configure(world: World, **inputs: Any) -> PluginReply:
    """What a node says of one step."""
    given = {"name": "tool", "action": "Install", **inputs}
    step = {"name": "one", "action": "aws:configurePackage", "inputs": given}
    job = a_job(step, command=f"00000000-0000-4000-8000-{len(world.server.replies):012d}")
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: world.server.ended(job.job_id) is not None)
    return world.server.steps(job.job_id)["one"]


async def test_a_package_is_installed_once(world: World) -> None:
    publish(world, "1.0.0", SCRIPTS)

    first = await configure(world)
    again = await configure(world)

    assert ("Success", "in\ntool 1.0.0 is installed.\n") == (first.status, first.standard_output)
    assert "tool 1.0.0 is installed already.\n" == again.standard_output


async def test_the_server_hears_what_came_of_it(world: World) -> None:
    publish(world, "1.0.0", {"install.sh": "exit 3"})

    told = await configure(world)

    [said] = world.server.called("PutConfigurePackageResult")
    assert ("Failed", 3) == (told.status, told.code)
    assert ("tool", "1.0.0", "Install", 3) == tuple(
        said[name] for name in ("PackageName", "PackageVersion", "Operation", "Result")
    )


async def test_another_version_replaces_the_old_one(world: World) -> None:
    publish(world, "1.0.0", SCRIPTS)
    await configure(world)
    publish(world, "2.0.0", {"install.sh": "echo two"})

    told = await configure(world)

    assert "Removing tool 1.0.0\nout\ntwo\ntool 2.0.0 is installed.\n" == told.standard_output


async def test_an_update_in_place_needs_its_script(world: World) -> None:
    publish(world, "1.0.0", SCRIPTS)
    await configure(world)
    publish(world, "2.0.0", {**SCRIPTS, "update.sh": "echo up"})
    publish(world, "3.0.0", SCRIPTS)

    up = await configure(world, version="2.0.0", installationType="In-place update")
    without = await configure(world, version="3.0.0", installationType="In-place update")

    assert "up\ntool 2.0.0 is installed.\n" == up.standard_output
    assert "The package has no update.sh" in without.standard_error


async def test_removing_runs_what_was_installed_with_it(world: World) -> None:
    publish(world, "1.0.0", SCRIPTS)
    await configure(world)
    world.server.packages.clear()

    gone = await configure(world, action="Uninstall")
    again = await configure(world, action="Uninstall")

    assert "out\ntool 1.0.0 is removed.\n" == gone.standard_output
    assert "is not installed" in again.standard_output


async def test_what_failed_is_done_anew(world: World) -> None:
    publish(world, "1.0.0", {"install.sh": "exit 1"})
    await configure(world)
    publish(world, "1.0.0", SCRIPTS)

    assert "Success" == (await configure(world)).status


async def test_a_file_with_another_checksum_is_not_run(world: World) -> None:
    publish(world, "1.0.0", SCRIPTS, digest="0" * 64)

    told = await configure(world)

    assert "Failed" == told.status
    assert "it is not kept" in told.standard_error
    assert [] == world.host.started


async def test_scripts_find_the_machine_and_the_arguments(world: World) -> None:
    publish(world, "1.0.0", {"install.sh": "echo ${SSM_COLOUR} ${BWS_ARCHITECTURE}"})

    told = await configure(world, additionalArguments='{"SSM_COLOUR": "red"}')

    assert told.standard_output.startswith("red x86_64\n")


@pytest.mark.parametrize("name", ["../outside", "/etc/outside"])
def test_nothing_is_unpacked_outside(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, "")

    LinuxHost(SystemClock()).unpack(tmp_path / "evil.zip", tmp_path / "in" / "here")

    assert not (tmp_path / "in" / "outside").exists()
    assert not Path("/etc/outside").exists()


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(b"nonsense")

    with pytest.raises(HostFault, match=r"a\.tgz cannot be unpacked"):
        LinuxHost(SystemClock()).unpack(tmp_path / "a.tgz", tmp_path / "out")


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "deep/../../out.txt"])
def test_an_older_python_lets_nothing_out_of_a_tar_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Debian 12 has a Python whose tarfile has no filter of its own."""
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    with tarfile.open(tmp_path / "evil.tgz", "w:gz") as evil:
        evil.addfile(tarfile.TarInfo(name))

    with pytest.raises(HostFault, match="is outside"):
        LinuxHost(SystemClock()).unpack(tmp_path / "evil.tgz", tmp_path / "in")

    assert not (tmp_path / "out.txt").exists()


def test_an_older_python_unpacks_a_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    (tmp_path / "install.sh").write_text("echo")
    with tarfile.open(tmp_path / "good.tgz", "w:gz") as good:
        good.add(tmp_path / "install.sh", "bin/install.sh")

    LinuxHost(SystemClock()).unpack(tmp_path / "good.tgz", tmp_path / "in")

    assert "echo" == (tmp_path / "in" / "bin" / "install.sh").read_text()
