"""The aws CLI for tests: its own entry point, in a fresh process for each command.

The program takes a second of a processor, most of it for what it imports. Here that is imported
once, and each command runs in a fork of the process that did.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from tests.support.processes import ROOT, ServerProcess, environment, run

_LOADER = """
import json, os, sys, traceback
import awscli.clidriver, awscli.handlers

for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(order["output"], os.O_WRONLY), 1)
    os.dup2(os.open(order["error"], os.O_WRONLY), 2)
    sys.argv = ["aws", *order["words"]]
    status = 1
    try:
        status = awscli.clidriver.main()
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status or 0)
"""


class AwsCli:
    """The CLI as somebody uses it who has read a server's client.env."""

    def __init__(self, server: ServerProcess) -> None:
        self._program = Path(os.environ.get("OSTLER_TEST_AWS") or ROOT / ".venv/aws/bin/aws")
        assert self._program.exists(), f"No {self._program}: `make test` sets it up."
        plain = {"AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json", "AWS_CONFIG_FILE": os.devnull}
        self._variables = environment() | server.environment | plain
        self._loader: subprocess.Popen[str] | None = None

    def __enter__(self) -> "AwsCli":
        command = [str(self._program.with_name("python")), "-c", _LOADER]
        self._loader = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._variables,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._loader is not None
        self._loader.communicate()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `aws` with these words to its end."""
        loader = self._loader
        assert loader is not None
        assert loader.stdin is not None
        assert loader.stdout is not None
        with tempfile.NamedTemporaryFile("r") as output, tempfile.NamedTemporaryFile("r") as error:
            order = {"words": words, "output": output.name, "error": error.name}
            loader.stdin.write(json.dumps(order) + "\n")
            loader.stdin.flush()
            status = int(loader.stdout.readline())
            return subprocess.CompletedProcess(words, status, output.read(), error.read())

    def run_program(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The same by the program itself."""
        return run([str(self._program), *words], self._variables)
