"""Bundles: the agent in one file, complete, the same wherever it is made."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ostler.agent import VERSION
from ostler.agent.installation import Installation, Unfit, kind_of_machine
from ostler.server import bundles
from ostler.server.bundles import Bundles, NoBundle, bundle_of_this_server, bundle_of_wheels


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_of_this_server(tmp_path_factory.mktemp("agents"))


def test_the_same_agent_is_the_same_file_on_every_server(bundle: Path, tmp_path: Path) -> None:
    assert bundle.read_bytes() == bundle_of_this_server(tmp_path).read_bytes()


def test_a_bundle_installs_itself_and_needs_nothing_else(bundle: Path, tmp_path: Path) -> None:
    root = tmp_path / "agent"
    alone = [sys.executable, "-I", "-S"]
    subprocess.run([*alone, str(bundle), "install", "--root", str(root)], check=True)

    told = subprocess.run(
        [str(root / "bin" / "ostler-agent"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"{VERSION}\n" == told.stdout


def test_installing_again_keeps_one_version(bundle: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-I", str(bundle), "install", "--root", str(tmp_path)]
    for _ in range(2):
        subprocess.run(command, check=True)

    assert [Installation(tmp_path).current] == [
        path.name for path in (tmp_path / "versions").iterdir()
    ]


def test_a_bundle_for_another_machine_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bundle.json", json.dumps({"version": "1", "kind": "cp399-abacus-glibc"}))

    with pytest.raises(Unfit, match="cp399-abacus-glibc"):
        Installation(tmp_path).unpack(path)


def test_another_kind_needs_all_its_wheels(tmp_path: Path) -> None:
    (tmp_path / "h11-1-py3-none-any.whl").touch()

    with pytest.raises(NoBundle, match="cryptography"):
        bundle_of_wheels(tmp_path, "cp313-aarch64-glibc", tmp_path)


def test_wheels_make_a_bundle_of_another_kind(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name in bundles.REQUIREMENTS:
        with zipfile.ZipFile(wheels / f"{name}-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}.py", "")

    made = bundle_of_wheels(tmp_path / "agents", "cp313-aarch64-glibc", wheels)

    with zipfile.ZipFile(made) as archive:
        assert {"h11.py", "ostler/agent/main.py", "bundle.json"} <= set(archive.namelist())


@pytest.mark.parametrize("kind", ["../../etc", "cp313", "cp313-x/y-glibc"])
def test_what_is_no_kind_is_refused(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == bundles.main([kind, "--data", str(tmp_path)])
    assert "is no kind" in capsys.readouterr().err


async def test_the_list_names_every_bundle_with_its_digest(tmp_path: Path) -> None:
    offered = Bundles(tmp_path)

    told = json.loads(await offered.manifest())

    assert VERSION == told["bundles"][kind_of_machine()]["version"]
    assert 64 == len(told["bundles"][kind_of_machine()]["sha256"])
    assert await offered.find("../keys/master") is None
