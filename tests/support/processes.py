"""Real processes of ours for tests: a server and agents, started, killed and started again."""

import configparser
import contextlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from ostler.server import admin

R = TypeVar("R")

ROOT = Path(__file__).parents[2]

PATIENCE = 60.0
"""Seconds that a real process may take for anything; a test that needs them fails anyway."""


def eventually(what: str, found: Callable[[], R | None], patience: float = PATIENCE) -> R:
    """What `found` gives once it is truthy; fails when it never becomes so.

    Real processes have real clocks: this is the one place where a test waits for them.
    """
    end = time.monotonic() + patience
    while True:
        if result := found():
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(0.05)  # noqa: TID251 - another process moves on meanwhile


class ServerProcess:
    """`ostler-server` over a data folder; it keeps its port and its data over restarts."""

    def __init__(
        self,
        data: Path,
        *options: str,
        database: str = "",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.log = data.with_suffix(".log")
        self.port = 0
        self._database = ["--database", database] if database else []
        self._options = [*options, *self._database]
        self.settings = settings or {}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> "ServerProcess":
        command = [sys.executable, "-m", "ostler.server.main", "--data", str(self.data)]
        command += ["--host", "127.0.0.1", "--port", str(self.port), *self._options]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment() | dict(self.settings),
            )
        watchdog = threading.Timer(PATIENCE, self._process.kill)
        watchdog.start()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("ready: "):
                watchdog.cancel()
                self.port = int(line.rpartition(":")[2])
                return self
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it in order; its exit status."""
        return self._end(signal.SIGTERM)

    @property
    def id(self) -> int:
        """The number of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def memory(self) -> float:
        """Megabytes that the process has resident."""
        said = Path(f"/proc/{self.id}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB$", said, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024

    @property
    def environment(self) -> dict[str, str]:
        """What client.env exports."""
        exports = {}
        for line in (self.data / "client.env").read_text().splitlines():
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                exports[name] = shlex.split(value)[0]
        return exports

    def client(
        self, service: str = "ssm", *, session: boto3.Session | None = None, **changed: Any
    ) -> Any:
        """A boto3 client of the administrator; `changed` replaces its keys or region."""
        told = self.environment
        given = {
            "endpoint_url": told["AWS_ENDPOINT_URL"],
            "region_name": told["AWS_REGION"],
            "aws_access_key_id": told["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": told["AWS_SECRET_ACCESS_KEY"],
            "verify": told["AWS_CA_BUNDLE"],
            "config": Config(retries={"total_max_attempts": 1}),
        }
        return (session or boto3.Session()).client(service, **(given | changed))

    def client_of(self, pair: Mapping[str, Any], **changed: Any) -> Any:
        """A boto3 client of whoever has this access key, as `admin` prints it."""
        keys = {
            "aws_access_key_id": pair["AccessKeyId"],
            "aws_secret_access_key": pair["SecretAccessKey"],
        }
        return self.client(**keys, **changed)

    def admin(self, *words: str) -> Any:
        """What `ostler-server admin` with these words prints, read; it has to succeed.

        It is the program's own entry point, in this process: starting another takes far longer
        than what it does.
        """
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = admin.main([*words, "--json", "--data", str(self.data), *self._database])
        assert status == 0, words
        return json.loads(printed.getvalue() or "null")

    def ask_admin(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `ostler-server admin` over the server's data; the caller looks at the status."""
        command = [sys.executable, "-m", "ostler.server.main", "admin", *words]
        return run([*command, "--data", str(self.data), *self._database], environment())

    def ostler(self, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run the `ostler` command line, likewise."""
        command = [sys.executable, "-m", "ostler.cli.main", *words]
        return run(command, environment() | self.environment | {"COLUMNS": "200"} | changed)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        status = self._process.wait(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        return status


class AgentProcess:
    """`ostler-agent` over a data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data.with_suffix(".log")
        self.node = ""
        self._process: subprocess.Popen[bytes] | None = None

    def register(
        self, server: ServerProcess, activation: Mapping[str, str], *, region: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Register with an activation; the caller looks at the exit status."""
        told = server.environment
        command = [sys.executable, "-m", "ostler.agent.main", "register"]
        command += ["--server", told["AWS_ENDPOINT_URL"], "--data", str(self.data)]
        command += ["--region", region or told["AWS_REGION"], "--ca-file", told["AWS_CA_BUNDLE"]]
        command += ["--activation-id", activation["ActivationId"]]
        command += ["--activation-code", activation["ActivationCode"]]
        done = run(command, environment())
        if found := re.search(r"mi-[0-9a-f]{17}", done.stdout):
            self.node = found[0]
        return done

    @property
    def id(self) -> int:
        """The number of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def credentials(self) -> dict[str, str]:
        """The node's own credentials, as boto3 takes them, once the agent has got some."""
        found = configparser.ConfigParser()
        found.read(self.data / "credentials")
        return dict(found["default"]) if "default" in found else {}

    def start(self) -> "AgentProcess":
        command = [sys.executable, "-m", "ostler.agent.main", "run", "--data", str(self.data)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment(), start_new_session=True
            )
        return self

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None


def enrol(server: ServerProcess, folder: Path, count: int, **tags: str) -> list[AgentProcess]:
    """Agents in `folder` that are registered by one activation with these tags, and not started."""
    activation = server.client().create_activation(
        IamRole="OstlerManagedInstance",
        RegistrationLimit=count,
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    agents = [AgentProcess(folder / f"agent-{number}") for number in range(count)]
    with ThreadPoolExecutor(2) as several:
        for done in several.map(lambda agent: agent.register(server, activation), agents):
            assert done.returncode == 0, done.stdout + done.stderr
    return agents


def run(command: Sequence[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, env=dict(variables)
    )


def environment() -> dict[str, str]:
    """Ours without whatever would lead an AWS client elsewhere, and with our own sources."""
    foreign = ("AWS_", "OSTLER_", "SSL_CERT_", "NODE_EXTRA_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "AWS_EC2_METADATA_DISABLED": "true"}
