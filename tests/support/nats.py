"""A NATS server for tests: Debian's program, on a port of its own, killed and started again."""

import shutil
import socket
import subprocess

from tests.support.processes import PATIENCE, eventually

MISSING = "The tests need nats-server. On Debian and Ubuntu: apt-get install nats-server"


class NatsServer:
    """`nats-server`, which keeps its port over restarts."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> "NatsServer":
        program = shutil.which("nats-server", path="/usr/sbin:/usr/bin:/usr/local/bin")
        assert program is not None, MISSING
        self._process = subprocess.Popen(
            [program, "--addr", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually("NATS's port", self._listens)
        return self

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as door:
            return door.connect_ex(("127.0.0.1", self.port)) == 0
