"""What an operator's poll costs a server, beside moto's server asked for the same.

    python bench/polls.py [--requests 500] [--moto /path/to/moto_server]

Both are processes of this machine and hold one command with its answer; unmodified boto3 asks for
GetCommandInvocation and DescribeInstanceInformation. What counts is the server's CPU for each
request, the kernel's number (/proc). Ours speaks TLS and verifies signatures, moto does neither.
Without `--moto` it is installed from PyPI into a folder that is thrown away.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "")]

from tests.support.kernel import cpu
from tests.support.processes import ServerProcess, enrol, environment, eventually

TIMES = 12.0
"""So many times dearer moto shall be."""
CALLERS = 4
UNLIMITED = {"OSTLER_USER_RATE": "0"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--moto", type=Path, help="moto_server, where it is installed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        base = Path(folder)
        ours = stack.enter_context(ostler(base))
        costs = {"Ostler": cost(*ours, given.requests)}
        program = given.moto or installed(base / "moto")
        if program is None:
            print("moto is not to be had from PyPI here: nothing to compare with.")
        else:
            costs["moto"] = cost(*stack.enter_context(moto(program)), given.requests)
    for operation in costs["Ostler"]:
        each = {name: found.get(operation) for name, found in costs.items()}
        print(
            f"{operation}: " + "  ".join(f"{name} {ms:.2f} ms" for name, ms in each.items() if ms)
        )
        if each.get("moto"):
            times = each["moto"] / each["Ostler"]
            word = "holds" if times >= TIMES else "DOES NOT HOLD"
            print(f"  {times:.1f} times, bound {TIMES:.0f}: {word}")


Asked = dict[str, Callable[[], Any]]


@contextmanager
def ostler(base: Path) -> Iterator[tuple[int, Asked]]:
    """Our server with one agent, which has run a command."""
    server = ServerProcess(base / "server", settings=UNLIMITED).start()
    [agent] = enrol(server, base, 1)
    agent.start()
    try:
        ssm = server.client(config=Config(max_pool_connections=CALLERS))
        eventually(
            "the agent online",
            lambda: ssm.describe_instance_information()["InstanceInformationList"],
        )
        command = send(ssm, agent.node)
        asked = asked_of(ssm, command, agent.node)
        eventually("the answer", lambda: asked["GetCommandInvocation"]().get("Status") == "Success")
        yield server.id, asked
    finally:
        agent.stop()
        server.stop()


@contextmanager
def moto(program: Path) -> Iterator[tuple[int, Asked]]:
    """moto's server, which makes up what it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen(
        [str(program), "-H", "127.0.0.1", "-p", str(port)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ssm = boto3.client(
            "ssm",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="bench",
            aws_secret_access_key="bench",
            config=Config(max_pool_connections=CALLERS),
        )
        eventually("moto's port", lambda: listens(port))
        node = "i-0123456789abcdef0"
        yield running.pid, asked_of(ssm, send(ssm, node), node)
    finally:
        running.terminate()
        running.wait(10)


def send(ssm: Any, node: str) -> str:
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=[node],
        Parameters={"commands": ["echo hello"]},
    )
    return str(sent["Command"]["CommandId"])


def asked_of(ssm: Any, command: str, node: str) -> Asked:
    return {
        "GetCommandInvocation": lambda: ssm.get_command_invocation(
            CommandId=command, InstanceId=node
        ),
        "DescribeInstanceInformation": ssm.describe_instance_information,
    }


def cost(process: int, asked: Asked, count: int) -> dict[str, float]:
    """Milliseconds of CPU for each request, by operation; what a server lacks is left out."""
    found = {}
    for operation, ask in asked.items():
        try:
            for _ in range(20):
                ask()
        except ClientError as fault:
            print(f"{operation} is not to be had: {fault}")
            continue
        began = cpu(process)
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(lambda _, ask=ask: ask(), range(count)))
        found[operation] = (cpu(process) - began) / count * 1000
    return found


def listens(port: int) -> bool:
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0


def installed(folder: Path) -> Path | None:
    """moto_server in an environment of its own; None where PyPI has it not."""
    venv.create(folder, with_pip=True)
    done = subprocess.run([str(folder / "bin/pip"), "install", "-q", "moto[server]"], check=False)
    return folder / "bin/moto_server" if done.returncode == 0 else None


if __name__ == "__main__":
    main()
