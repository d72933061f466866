"""`make demo`: a server, three agents, one command on all of them, and nothing left running."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3

BIN = Path(sys.executable).parent
NODES = ("web-1", "web-2", "web-3")
SCRIPT = ['echo "hello from $AWS_SSM_INSTANCE_ID, running as $(id -un) on $(uname -s)"', "date -u"]
PATIENCE = 60


class DemoFailed(Exception):
    """Something did not work as it should; the text says what."""


def say(text: str = "") -> None:
    print(text, flush=True)


@contextmanager
def process(name: str, command: list[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the block, whatever happens in it; its words go to `log`."""
    with log.open("w") as sink:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()
                raise DemoFailed(f"{name} did not stop when asked to.") from None


def wait_for(what: str, found: Callable[[], Any]) -> Any:
    """What `found` gives once it gives something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.1)
    raise DemoFailed(f"Waited {PATIENCE} s in vain for {what}.")


def start_server(stack: ExitStack, folder: Path) -> str:
    """Start a server on a free port; its URL, and its client.env loaded into our environment."""
    data = folder / "server"
    command = [str(BIN / "ostler-server"), "--data", str(data), "--port", "0"]
    command += ["--host", "127.0.0.1"]
    server = stack.enter_context(process("The server", command, folder / "server.log"))
    assert server.stdout is not None
    watchdog = threading.Timer(PATIENCE, server.kill)
    watchdog.start()
    for line in server.stdout:
        if line.startswith("ready: "):
            watchdog.cancel()
            load_environment(data / "client.env")
            return line.removeprefix("ready: ").strip()
    raise DemoFailed("The server ended before it was ready.")


def load_environment(file: Path) -> None:
    """Do what `. client.env` does in a shell."""
    for line in file.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "export":
            name, _, value = rest.partition("=")
            os.environ[name] = shlex.split(value)[0]
        elif word == "unset":
            for name in rest.split():
                os.environ.pop(name, None)


def enrol_agents(stack: ExitStack, ssm: Any, url: str, folder: Path) -> None:
    """Register three agents through one hybrid activation and start each as a process."""
    activation = ssm.create_activation(
        IamRole="OstlerManagedInstance",
        DefaultInstanceName="demo",
        RegistrationLimit=len(NODES),
        Tags=[{"Key": "role", "Value": "web"}],
    )
    agent = str(BIN / "ostler-agent")
    for name in NODES:
        data = str(folder / name)
        register = [agent, "register", "--server", url, "--data", data]
        register += ["--region", os.environ["AWS_REGION"], "--ca-file", os.environ["AWS_CA_BUNDLE"]]
        register += ["--activation-id", activation["ActivationId"]]
        register += ["--activation-code", activation["ActivationCode"]]
        done = subprocess.run(register, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise DemoFailed(f"{name} could not register:\n{done.stdout}{done.stderr}")
        run = [agent, "run", "--data", data]
        stack.enter_context(process(name, run, folder / f"{name}.log"))


def online(ssm: Any) -> list[dict[str, Any]]:
    """The nodes, once all of them have reported."""
    nodes = ssm.describe_instance_information()["InstanceInformationList"]
    return nodes if sum(node["PingStatus"] == "Online" for node in nodes) == len(NODES) else []


def run_command(ssm: Any) -> str:
    """Send the script to every node with the tag, and watch it until all have ended."""
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        Targets=[{"Key": "tag:role", "Values": ["web"]}],
        Parameters={"commands": SCRIPT},
        Comment="make demo",
    )
    command = str(sent["Command"]["CommandId"])

    def ended() -> bool:
        told = ssm.list_commands(CommandId=command)["Commands"][0]
        say(
            f"    {told['CompletedCount']}/{told['TargetCount']} done, "
            f"{told['ErrorCount']} failed: {told['StatusDetails']}"
        )
        return told["Status"] not in ("Pending", "InProgress")

    wait_for("the command's end", ended)
    return command


def show_answers(ssm: Any, command: str) -> None:
    """Print what each node answered; DemoFailed unless all succeeded."""
    invocations = ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    if len(invocations) != len(NODES):
        raise DemoFailed(f"{len(NODES)} nodes were meant, {len(invocations)} were reached.")
    for invocation in invocations:
        node = invocation["InstanceId"]
        answer = ssm.get_command_invocation(CommandId=command, InstanceId=node)
        say(f"  {node}: {answer['Status']}, exit status {answer['ResponseCode']}")
        for line in answer["StandardOutputContent"].splitlines():
            say(f"    {line}")
        if answer["Status"] != "Success" or node not in answer["StandardOutputContent"]:
            raise DemoFailed(f"{node} answered otherwise than it should.")


def show_with_the_aws_cli(ssm: Any, command: str, node: str) -> None:
    """The same answer by the aws CLI where there is one, by boto3 where not."""
    words = ["aws", "ssm", "get-command-invocation", "--command-id", command]
    words += ["--instance-id", node, "--query", "StandardOutputContent", "--output", "json"]
    say(f"  $ {' '.join(words)}")
    expected = ssm.get_command_invocation(CommandId=command, InstanceId=node)
    if shutil.which("aws") is None:
        say("  (no aws CLI on this machine; boto3 says:)")
        say(f"  {json.dumps(expected['StandardOutputContent'])}")
        return
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0 or json.loads(done.stdout) != expected["StandardOutputContent"]:
        raise DemoFailed(f"The aws CLI answered otherwise:\n{done.stdout}{done.stderr}")
    say(f"  {done.stdout.strip()}")


def demo(folder: Path) -> None:
    """The whole story, start to end."""
    with ExitStack() as stack:
        began = time.monotonic()
        say("1. A server, TLS on, one SQLite file")
        url = start_server(stack, folder)
        say(f"    {url}, ready after {time.monotonic() - began:.1f} s")
        ssm = boto3.client("ssm")
        say("2. Three agents enrol with a hybrid activation")
        enrol_agents(stack, ssm, url, folder)
        for node in wait_for("three nodes online", lambda: online(ssm)):
            say(f"    {node['InstanceId']}  {node['PlatformName']} {node['PlatformVersion']}")
        say("3. AWS-RunShellScript on every node with the tag role=web")
        command = run_command(ssm)
        say("4. What the nodes answered")
        show_answers(ssm, command)
        say("5. The same with the tools you have")
        node = ssm.describe_instance_information()["InstanceInformationList"][0]["InstanceId"]
        show_with_the_aws_cli(ssm, command, node)
    say()
    say("All of it worked, and nothing is left running. To go on:")
    say("    make run                     a server that stays")
    say("    make fleet N=5               five agents on this machine (in a second terminal)")
    say("    . var/server/client.env      any AWS client now talks to it (in a third):")
    say("    aws ssm describe-instance-information")
    say("    .venv/bin/ostler run --tag role=fleet 'uptime'")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ostler-demo-") as folder:
        try:
            demo(Path(folder))
        except (DemoFailed, OSError, subprocess.SubprocessError) as fault:
            say(f"\nThe demo failed: {fault}")
            for log in sorted(Path(folder).glob("*.log")):
                say(f"--- {log.name}\n{log.read_text()[-2000:]}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
