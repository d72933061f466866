"""The doctor: each thing that can be wrong is found, and what mends it is said."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from ostler.agent import doctor, signing
from ostler.agent.folder import Folder
from ostler.agent.main import main
from ostler.foundation.clock import Clock, ManualClock, SystemClock
from ostler.wire.agent.channels import control_channel_path, refusal
from ostler.wire.http import Response
from tests.agent.listener import certificate
from tests.agent.server import NODE, public_key
from tests.agent.test_processes import Site, a_site


async def bad(folder: Path, clock: Clock | None = None) -> dict[str, doctor.Finding]:
    """What is found to be wrong, by check; that no agent runs is the test's own doing."""
    found = doctor.examine(Folder(folder), clock or SystemClock())
    return {each.check: each async for each in found if not each.ok and each.check != "agent"}


async def test_nothing_is_wrong_with_a_node_that_is_well(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()

        assert {} == await bad(site.data)


async def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    found = await bad(tmp_path / "nowhere")

    assert ["permissions"] == list(found)
    assert "is not there" in found["permissions"].told


async def test_a_machine_that_is_no_node(tmp_path: Path) -> None:
    Folder(tmp_path / "data").open()

    found = await bad(tmp_path / "data")

    assert ["registration"] == list(found)
    assert "ostler activations create" in found["registration"].mend


@pytest.mark.parametrize("content", ["{", "[]", '{"node": "x"}'])
async def test_a_registration_that_is_broken(tmp_path: Path, content: str) -> None:
    folder = Folder(tmp_path / "data")
    folder.open()
    folder.write("registration.json", content.encode())

    assert "--force" in (await bad(folder.path))["registration"].mend


async def test_a_folder_that_others_may_read(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()
        site.data.chmod(0o755)

        assert "chmod 700" in (await bad(site.data))["permissions"].mend


async def test_a_server_that_is_away(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()

    found = await bad(site.data)

    assert ["tcp"] == list(found)
    assert "firewall" in found["tcp"].mend


async def test_a_name_that_leads_nowhere(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.url = "https://nowhere.invalid:8443"
    certificate(tmp_path)
    site.be_registered()

    found = await bad(site.data)

    assert ["dns"] == list(found)
    assert "/etc/hosts" in found["dns"].mend


async def test_an_authority_that_is_another(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()
        (tmp_path / "other").mkdir()
        shutil.copy(certificate(tmp_path / "other"), site.data / "ca.pem")

        found = await bad(site.data)

    assert ["tls"] == list(found)
    assert "ca.pem" in found["tls"].mend


async def test_a_node_that_the_server_does_not_know(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()
        site.server.keys = [public_key(signing.public(signing.fresh()))]

        found = await bad(site.data)

    assert ["credentials"] == list(found)
    assert "--force" in found["credentials"].mend


async def test_a_copy_of_another_machine(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()
        site.server.any_fingerprint = False
        site.server.fingerprints = ["the other machine's"]

        found = await bad(site.data)

    assert "is a copy of the one that registered" in found["credentials"].mend


async def test_a_server_that_has_nodes_poll_is_no_fault(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()
        denied = Response(403, {}, refusal("AccessDeniedException", "Poll for messages."))
        site.server.faults[control_channel_path(NODE)] = [denied]

        assert {} == await bad(site.data)


def test_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == main(["doctor", "--data", str(tmp_path / "nowhere"), "-o", "json"])

    [finding] = json.loads(capsys.readouterr().out)
    assert {"check", "ok", "told", "mend"} == finding.keys()


def test_a_clock_that_is_wrong() -> None:
    clock = ManualClock()
    told = {"date": "Thu, 01 Jan 2015 00:00:00 GMT"}

    finding = doctor.clock_compared(told, clock)

    assert not finding.ok
    assert doctor.MOST_SKEW < timedelta(minutes=5)
