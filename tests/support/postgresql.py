"""A private PostgreSQL for the tests: started when first asked for, gone with the process."""

import atexit
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

MISSING = (
    "The tests need PostgreSQL's own programs, and found no initdb in PATH or in "
    "/usr/lib/postgresql/*/bin. On Debian and Ubuntu: apt-get install postgresql"
)
_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
_SETTINGS = ("listen_addresses=", "max_connections=200", "log_min_messages=fatal")


class Cluster:
    """A PostgreSQL of its own folder, reached by a socket in it.

    It does not sync unless it is `durable`, which only tests of crashes need. PostgreSQL refuses
    to run as root, so root runs it as the user `postgres` or else `nobody`, and so that it ends
    with the thread that started it, even if that is killed.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ostler-pg-"))
        self._settings = _SETTINGS if durable else (*_SETTINGS, *_FAST)
        self._run_as: Sequence[str] = ()
        if os.geteuid() == 0:
            user = _somebody_else()
            shutil.chown(self.folder, user.pw_uid, user.pw_gid)
            self._run_as = (
                *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"),
                *("--clear-groups", "--pdeathsig", "QUIT", "--"),
            )
        self._server: subprocess.Popen[bytes] | None = None
        making = ("-U", "ostler", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8")
        self._command("initdb", "-D", f"{self.folder}/data", *making)
        self.start()

    def start(self) -> None:
        """Start the server, and return once it answers."""
        command = [*self._run_as, str(_programs() / "postgres"), "-D", f"{self.folder}/data"]
        for setting in (*self._settings, f"unix_socket_directories={self.folder}"):
            command += ["-c", setting]
        self._server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                self.say("SELECT 1")
            except psycopg.OperationalError:
                threading.Event().wait(0.02)
            else:
                return
        raise RuntimeError("PostgreSQL does not answer")

    def stop(self) -> None:
        """Stop the server, and keep what it has."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Stop the server without letting it finish anything."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """Stop the server, and forget everything."""
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait()
            self._server = None

    def url(self, database: str) -> str:
        """Where a database of this cluster is."""
        return f"postgresql+psycopg://ostler@/{database}?host={quote(str(self.folder))}"

    def say(self, command: str, *, database: str = "postgres") -> None:
        """Run a command of the house-keeping kind."""
        with self._connection(database) as connection:
            connection.execute(command.encode())

    def ask(self, question: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows that answer it."""
        with self._connection(database) as connection:
            return connection.execute(question.encode()).fetchall()

    def _connection(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=str(self.folder), user="ostler", dbname=database, autocommit=True
        )

    def _command(self, program: str, *arguments: str) -> None:
        command = [*self._run_as, str(_programs() / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/")


@functools.cache
def cluster() -> Cluster:
    """The one that the tests of this process share."""
    shared = Cluster()
    atexit.register(shared.remove)
    return shared


@functools.cache
def _programs() -> Path:
    """The folder with initdb and postgres in it, the newest if there are several."""
    folders = list(Path("/usr/lib/postgresql").glob("*/bin"))
    newest = sorted(folders, key=lambda folder: float(folder.parent.name), reverse=True)
    in_path = shutil.which("initdb")
    for folder in (*newest, *([Path(in_path).parent] if in_path else [])):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise RuntimeError(MISSING)


def _somebody_else() -> pwd.struct_passwd:
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]
