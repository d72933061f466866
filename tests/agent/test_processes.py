"""A real agent, a real process, over TLS: registered, at work, killed, and begun again."""

import asyncio
import os
import shutil
import signal
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ostler.agent import VERSION, signing
from ostler.agent.folder import Folder
from ostler.agent.keys import ChildSmith, KeyUnusable
from ostler.agent.main import main
from ostler.agent.network import NetworkFault, RealNetwork, ServerRefused, endpoint_of
from ostler.foundation.clock import SystemClock
from ostler.wire.http import Request
from tests.agent.life import a_key
from tests.agent.listener import certificate, listening
from tests.agent.server import NODE, REGION, FakeServer, a_cancel, a_job, a_step, public_key

ROOT = Path(__file__).parents[2]


class Site:
    """A server that listens, and the folder of one agent."""

    def __init__(self, path: Path) -> None:
        self.server = FakeServer(SystemClock())
        self.path = path
        self.url = ""

    @property
    def data(self) -> Path:
        return self.path / "data"

    async def agent(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ostler.agent.main",
            *arguments,
            "--data",
            str(self.data),
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def register(self, *more: str) -> tuple[int | None, str]:
        process = await self.agent(
            *("register", "--server", self.url, "--activation-id", "id"),
            *("--activation-code", "code", "--ca-file", str(certificate(self.path))),
            *more,
        )
        out, errors = await process.communicate()
        return process.returncode, (out + errors).decode()

    def be_registered(self) -> None:
        """As `register` leaves it, without the second that a key takes."""
        folder = Folder(self.data)
        folder.open()
        folder.write("key.pem", a_key())
        folder.write("ca.pem", certificate(self.path).read_bytes())
        folder.write(
            "registration.json",
            f'{{"node":"{NODE}","region":"{REGION}","server":"{self.url}"}}'.encode(),
        )
        self.server.keys = [public_key(signing.public(a_key()))]
        self.server.any_fingerprint = True

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        lines = len(self.server.lines)
        process = await self.agent("run", *arguments)
        assert process.stderr is not None
        log = asyncio.create_task(process.stderr.read())
        try:
            await self.until(lambda: len(self.server.lines) > lines and self.server.line.open)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            sys.stderr.write((await log).decode())

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for what the agent says to make something true."""
        async with asyncio.timeout(30):
            while not true():
                await asyncio.wait(
                    [
                        asyncio.ensure_future(self.server.heard.wait()),
                        asyncio.ensure_future(self.server.opened.wait()),
                    ],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                self.server.heard.clear()
                self.server.opened.clear()


@asynccontextmanager
async def a_site(path: Path) -> AsyncIterator[Site]:
    site = Site(path)
    async with listening(site.server, path) as url:
        site.url = url
        yield site


async def test_register_and_run_a_command(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        code, said = await site.register("--name", "db-1")
        assert (0, f"Registered {NODE} in {REGION} with {site.url}\n") == (code, said)
        again, why = await site.register()
        assert (1, True) == (again, "already" in why)

        job = a_job(a_step("echo $AWS_SSM_INSTANCE_ID $SSM_COMMAND_ID", "exit 3"))
        async with site.running() as process:
            await site.server.give(job)
            await site.until(lambda: site.server.ended(job.job_id) is not None)
            process.terminate()
            assert 0 == await process.wait()

        command, node = job.job_id.split(".")[2:]
        assert f"{node} {command}\n" == site.server.steps(job.job_id)["one"].standard_output
        assert "Failed" == site.server.ended(job.job_id)
        told = site.server.called("UpdateInstanceInformation")
        assert ("db-1", "Linux") == (told[0]["ComputerName"], told[0]["PlatformType"])
        assert 0o600 == (site.data / "key.pem").stat().st_mode & 0o777
        assert not (site.data / "key.next.pem").exists()


@pytest.mark.parametrize("content", [b"", b"{\x00", b"\xff\xfe", b'{"node":7}'])
def test_a_damaged_registration_is_named_and_how_to_mend_it(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Folder(tmp_path)
    folder.open()
    folder.write("registration.json", content)

    assert 1 == main(["run", "--data", str(tmp_path)])

    said = capsys.readouterr().err
    assert str(tmp_path / "registration.json") in said
    assert "register --force" in said


def test_a_damaged_registration_can_be_forgotten(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.open()
    folder.write("registration.json", b"{")

    assert 0 == main(["deregister", "--data", str(tmp_path)])
    assert folder.read("registration.json") is None


async def test_scripts_find_none_of_the_secrets_of_whoever_started_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stock agent hands on what it has; ours may have been started from somebody's shell."""
    secret = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DATABASE_PASSWORD"
    for name in (*secret, "ODD_BUT_WANTED"):
        monkeypatch.setenv(name, f"the value of {name}")
    async with a_site(tmp_path) as site:
        site.be_registered()
        job = a_job(a_step("env"))
        async with site.running("--pass-environment", "ODD_BUT_WANTED"):
            await site.server.give(job)
            await site.until(lambda: site.server.ended(job.job_id) is not None)

        found = site.server.steps(job.job_id)["one"].standard_output
        names = {line.partition("=")[0] for line in found.splitlines()}
        assert set() == names.intersection(secret)
        assert {"PATH", "ODD_BUT_WANTED", "AWS_SSM_INSTANCE_ID", "SSM_COMMAND_ID"} <= names
        assert "PYTHONPATH" not in names


async def test_a_killed_agent_never_starts_a_step_twice(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    script = f"echo begun >> {marks}", "echo begun", "sleep 5000"
    async with a_site(tmp_path) as site:
        site.be_registered()
        job = a_job(a_step(*script), a_step(f"echo two >> {marks}", name="two"))
        output = f"{job.job_id.split('.')[2]}/one/stdout"
        async with site.running() as process:
            await site.server.give(job)
            await site.until(lambda: site.server.outputs.get(output) == b"begun\n")
            process.send_signal(signal.SIGKILL)
        async with site.running():
            await site.until(lambda: site.server.ended(job.job_id) is not None)
            await site.server.give(job)
            await site.until(lambda: site.server.acks[-1].code == "51405")

        assert "begun\ntwo\n" == marks.read_text()
        one = site.server.steps(job.job_id)["one"]
        assert ("Failed", -1, "begun\n") == (one.status, one.code, one.standard_output)
        assert "interrupted" in one.standard_error
        assert "Failed" == site.server.ended(job.job_id)


async def test_the_script_of_a_killed_agent_is_ended_by_the_next_one(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()
        job = a_job(a_step("echo $$", "sleep 5000"))
        output = f"{job.job_id.split('.')[2]}/one/stdout"
        async with site.running() as process:
            await site.server.give(job)
            await site.until(lambda: output in site.server.outputs)
            process.send_signal(signal.SIGKILL)
        script = os.pidfd_open(int(site.server.outputs[output]))
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(script, gone.set)
        assert not gone.is_set()
        async with site.running():
            await site.until(lambda: site.server.ended(job.job_id) is not None)
            await gone.wait()
        asyncio.get_running_loop().remove_reader(script)
        os.close(script)


async def test_exit_194_reboots_and_goes_on_in_the_same_step(tmp_path: Path) -> None:
    reboot = tmp_path / "reboot"
    reboot.write_text(f"#!/bin/sh\necho rebooted >> {tmp_path}/reboots\n")
    reboot.chmod(0o700)
    step = a_step(
        f"echo run >> {tmp_path}/runs",
        "echo run",
        f"[ $(wc -l < {tmp_path}/runs) -eq 2 ] || exit 194",
    )
    async with a_site(tmp_path) as site:
        site.be_registered()
        job = a_job(step, a_step("echo after", name="two"))
        async with site.running("--reboot-command", str(reboot)) as process:
            await site.server.give(job)
            await site.until(
                lambda: any(
                    content.document_status == "SuccessAndReboot"
                    for _, content in site.server.replies.get(job.job_id, [])
                )
            )
            process.terminate()
            await process.wait()
        async with site.running("--reboot-command", str(reboot)):
            await site.until(lambda: site.server.ended(job.job_id) is not None)

        assert "Success" == site.server.ended(job.job_id)
        assert "run\nrun\n" == site.server.steps(job.job_id)["one"].standard_output
        assert "after\n" == site.server.steps(job.job_id)["two"].standard_output
        assert "rebooted\n" == (tmp_path / "reboots").read_text()


async def test_a_cancel_ends_children_that_will_not_listen(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()
        job = a_job(a_step("trap '' TERM", "sleep 5000 &", "echo $!", "wait"))
        output = f"{job.job_id.split('.')[2]}/one/stdout"
        async with site.running():
            await site.server.give(job)
            await site.until(lambda: output in site.server.outputs)
            child = os.pidfd_open(int(site.server.outputs[output]))
            gone = asyncio.Event()
            asyncio.get_running_loop().add_reader(child, gone.set)
            await site.server.give(a_cancel(job))
            await site.until(lambda: site.server.ended(job.job_id) is not None)
            await gone.wait()
        asyncio.get_running_loop().remove_reader(child)
        os.close(child)

        assert "Cancelled" == site.server.ended(job.job_id)
        assert 137 == site.server.steps(job.job_id)["one"].code


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
async def test_a_real_repository_is_downloaded_and_its_script_run(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "hello.sh").write_text("echo hello $1 from $(basename $PWD)\n")
    for arguments in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "begin"],
    ):
        git = await asyncio.create_subprocess_exec("git", *arguments, cwd=repository)
        assert 0 == await git.wait()
    info = {"repository": str(repository)}
    download = {"sourceType": "Git", "sourceInfo": info, "destinationPath": "it"}
    async with a_site(tmp_path) as site:
        site.be_registered()
        job = a_job(
            {"name": "get", "action": "aws:downloadContent", "inputs": download},
            a_step("sh hello.sh you", workingDirectory="it"),
        )
        async with site.running():
            await site.server.give(job)
            await site.until(lambda: site.server.ended(job.job_id) is not None)

        assert "hello you from it\n" == site.server.steps(job.job_id)["one"].standard_output


async def test_a_second_agent_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.be_registered()
        async with site.running():
            second = await site.agent("run")
            _, errors = await second.communicate()
            assert (1, True) == (second.returncode, b"Another agent is running" in errors)


async def test_a_server_with_a_certificate_of_somebody_else_is_not_trusted(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with a_site(tmp_path) as site:
        network = RealNetwork(endpoint_of(site.url), SystemClock(), authority=certificate(other))
        with pytest.raises(NetworkFault, match="not trusted"):
            await network.send(Request("GET", "/health"))


async def test_connections_are_used_again_and_bodies_come_whole(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        network = RealNetwork(endpoint_of(site.url), SystemClock(), authority=certificate(tmp_path))
        for _ in range(3):
            answer = await network.send(Request("GET", "/health"))
            assert (200, b'{"region": "eu-test-1"}') == (answer.status, answer.body)
        taken = bytearray()
        answer = await network.fetch(f"{site.url}/health", {}, taken.extend)

        assert (200, b"", b'{"region": "eu-test-1"}') == (answer.status, answer.body, taken)
        with pytest.raises(NetworkFault):
            await network.fetch("https://127.0.0.1:1/", {}, taken.extend)
        with pytest.raises((ServerRefused, NetworkFault)):
            await network.open(Request("GET", "/nowhere"))


def test_the_agent_has_the_version_of_its_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert VERSION == project["version"]


def test_help_tells_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    said = capsys.readouterr().out
    assert all(word in said for word in ("register", "run", "deregister"))


def test_what_is_wrong_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == main(["run", "--data", str(tmp_path / "a")])
    assert "begin with ostler-agent register" in capsys.readouterr().err
    assert 1 == main(["deregister", "--data", str(tmp_path / "a")])


async def test_a_child_works_with_keys_as_we_would() -> None:
    smith, key = ChildSmith(), a_key()

    assert signing.public(key) == await smith.public(key)
    assert 344 == len(await smith.sign(key, "text")) == len(signing.sign(key, "text"))
    with pytest.raises(KeyUnusable, match="cannot be used"):
        await smith.public(b"no key")
