"""From the one printed line to a node at work, and on to other versions of its agent and back."""

import json
import os
import re
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ostler.agent import VERSION
from ostler.agent.installation import kind_of_machine
from tests.journeys.commands import answer, described, ended, node_online, send
from tests.support.processes import ServerProcess, environment, eventually, run

# What is installed, and how, has nothing to do with the server's database.
pytestmark = pytest.mark.parametrize("server", ["sqlite"], indirect=True, scope="session")

FAKE_SYSTEMCTL = '#!/bin/sh\necho "$*" >> "$OSTLER_PREFIX/systemctl.log"\n'


class Machine:
    """A machine of its own, as far as the installer goes: everything lies under one folder."""

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.prefix / "var" / "lib" / "ostler-agent"

    @property
    def agent(self) -> Path:
        return self.prefix / "usr" / "local" / "bin" / "ostler-agent"

    @property
    def variables(self) -> dict[str, str]:
        here = {"OSTLER_PREFIX": str(self.prefix), "TMPDIR": str(self.prefix)}
        path = f"{self.prefix / 'bin'}:{os.environ['PATH']}"
        kept = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
        return kept | here | {"PATH": path}

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """What a person does with a line of the shell."""
        return run(["sh", "-c", line], self.variables)

    def supervise(self) -> None:
        """Run the agent, again and again as systemd would."""
        loop = f'while :; do "{self.agent}" run --data "{self.data}"; sleep 0.2; done'
        with (self.prefix / "agent.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", loop],
                stdout=log,
                stderr=log,
                env=self.variables,
                start_new_session=True,
            )

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(Path(tmp_path_factory.mktemp("machine")))
    (made.prefix / "bin").mkdir()
    # The person is root on this machine: there is nothing for sudo to do.
    for name, text in {"systemctl": FAKE_SYSTEMCTL, "sudo": '#!/bin/sh\nexec "$@"\n'}.items():
        (made.prefix / "bin" / name).write_text(text)
        (made.prefix / "bin" / name).chmod(0o755)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def line(server: ServerProcess) -> str:
    """What `ostler activations create` tells a person to do."""
    told = server.ostler("activations", "create", "--name", "installed", "--limit", "2")
    found = re.search(r"^\(set -e.*\)$", told.stdout, re.MULTILINE)
    assert found, told.stdout + told.stderr
    return found[0]


@pytest.fixture(scope="module")
def installed(machine: Machine, line: str, ssm: Any) -> str:
    """The node that the line made of the machine."""
    done = machine.type(line)
    assert done.returncode == 0, done.stdout + done.stderr
    made = json.loads((machine.data / "registration.json").read_text())["node"]
    machine.supervise()
    node_online(ssm, made)
    return str(made)


def test_without_the_right_fingerprint_nothing_is_believed(
    line: str, machine: Machine, tmp_path: Path
) -> None:
    other = Machine(tmp_path)
    shutil.copytree(machine.prefix / "bin", tmp_path / "bin")

    done = other.type(re.sub(r"'[0-9a-f]{64}  ca.pem'", f"'{'0' * 64}  ca.pem'", line))

    assert done.returncode != 0
    assert not other.agent.exists()
    assert not list(tmp_path.glob("tmp*/install.sh"))


def test_the_line_makes_a_node_that_runs_commands(installed: str, ssm: Any) -> None:
    sent = send(ssm, "echo here", InstanceIds=[installed])
    ended(ssm, sent)

    assert "here\n" == answer(ssm, sent, installed)["StandardOutputContent"]


def test_the_same_line_again_changes_nothing(installed: str, machine: Machine, line: str) -> None:
    before = (machine.data / "registration.json").read_bytes()

    done = machine.type(line)

    assert (0, before) == (done.returncode, (machine.data / "registration.json").read_bytes())
    assert "registered already" in done.stdout


def test_without_systemd_it_says_what_to_do(installed: str, machine: Machine, line: str) -> None:
    assert f"{machine.agent} run --data {machine.data}" in machine.type(line).stdout


def test_with_systemd_it_writes_the_unit_and_starts_it(
    installed: str, machine: Machine, line: str
) -> None:
    (machine.prefix / "run" / "systemd" / "system").mkdir(parents=True)
    try:
        machine.type(line)
    finally:
        shutil.rmtree(machine.prefix / "run")

    unit = machine.prefix / "etc" / "systemd" / "system" / "ostler-agent.service"
    assert "Restart=always" in unit.read_text()
    assert [
        "daemon-reload",
        "enable --quiet ostler-agent.service",
        "restart ostler-agent.service",
    ] == (machine.prefix / "systemctl.log").read_text().splitlines()


def test_the_doctor_finds_nothing_wrong(installed: str, machine: Machine) -> None:
    done = machine.type(f"{machine.agent} doctor --data {machine.data} -o json")

    findings = {each["check"]: each for each in json.loads(done.stdout)}
    assert [] == [each for each in findings.values() if not each["ok"]]
    assert {"dns", "tcp", "tls", "clock", "credentials", "channel", "version"} <= findings.keys()
    assert 0 == done.returncode


def test_an_update_brings_another_version_and_a_bad_one_is_rolled_back(
    installed: str, server: ServerProcess, ssm: Any
) -> None:
    offer(
        server, "9.9.9", {"ostler/agent/__init__.py": lambda text: text.replace(VERSION, "9.9.9")}
    )

    assert "Success" == update(ssm, installed)["Status"]
    eventually("the node to say its new version", lambda: version_of(ssm, installed) == "9.9.9")

    offer(
        server, "10.0.0", {"ostler/agent/channels/control.py": lambda text: "raise SystemExit(1)"}
    )
    told = update(ssm, installed)

    assert ("Failed", True) == (told["Status"], "rolled back" in told["StandardErrorContent"])
    assert "9.9.9" == version_of(ssm, installed)


def test_an_agent_that_its_server_did_not_install_says_so(fleet: list[str], ssm: Any) -> None:
    told = update(ssm, fleet[0])

    assert "Failed" == told["Status"]
    assert "not put here by its server's installer" in told["StandardErrorContent"]


def test_it_goes_without_a_trace(installed: str, machine: Machine, server: ServerProcess) -> None:
    script = machine.prefix / "install.sh"
    script.write_bytes(
        (Path(__file__).parents[2] / "src" / "ostler" / "server" / "install.sh").read_bytes()
    )

    assert 0 == machine.type(f"sh {script} --uninstall").returncode
    assert not machine.agent.exists()
    assert not machine.data.exists()


def offer(server: ServerProcess, version: str, changes: Mapping[str, Callable[[str], str]]) -> None:
    """Have the server offer its agent with some files changed."""
    path = server.data / "agents" / f"{kind_of_machine()}.zip"
    draft = path.with_suffix(".new")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(draft, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "bundle.json":
                content = json.dumps({"version": version, "kind": kind_of_machine()}).encode()
            elif name in changes:
                content = changes[name](content.decode()).encode()
            new.writestr(name, content)
    draft.replace(path)


def update(ssm: Any, node: str) -> dict[str, Any]:
    sent = ssm.send_command(InstanceIds=[node], DocumentName="AWS-UpdateSSMAgent")
    command = sent["Command"]["CommandId"]
    ended(ssm, command)
    return answer(ssm, command, node)


def version_of(ssm: Any, node: str) -> str:
    return str(described(ssm, node)["AgentVersion"])
