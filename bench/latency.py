"""How long from SendCommand to the script's first line: our agent, a fleet that is idle.

    python bench/latency.py [--agents 3] [--commands 100]

Server and agents are processes of this machine, with TLS. The script writes down the instant at
which it runs; the clock is the same. One command after the other, each after a rest.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "")]

from tests.support.processes import ServerProcess, enrol, eventually

MIDDLE = 30.0
LATE = 150.0
"""Milliseconds within which half of the scripts, and all but one in a hundred, shall begin."""
REST = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=3)
    parser.add_argument("--commands", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        base = Path(folder)
        server = ServerProcess(base / "server").start()
        stack.callback(server.stop)
        agents = enrol(server, base, given.agents)
        for agent in agents:
            agent.start()
            stack.callback(agent.stop)
        ssm = server.client()
        nodes = [agent.node for agent in agents]
        eventually("the agents online", lambda: online(ssm, len(nodes)))
        for node in nodes:
            waited(ssm, node)
        answers, starts = [], []
        for number in range(given.commands):
            time.sleep(REST)
            answered, started = waited(ssm, nodes[number % len(nodes)])
            answers.append(answered)
            starts.append(started)
    bare = shell()
    middle, late = part(starts, 0.5), part(starts, 0.99)
    print(f"SendCommand to its answer, ms:     p50 {part(answers, 0.5):6.1f}")
    print(f"SendCommand to script start, ms:   p50 {middle:6.1f}  p99 {late:6.1f}")
    print(f"a shell that is started from here: p50 {bare:6.1f}")
    told("p50 of the start", middle, MIDDLE)
    told("p99 of the start", late, LATE)


def online(ssm: Any, count: int) -> bool:
    found = ssm.describe_instance_information()["InstanceInformationList"]
    return sum(node["PingStatus"] == "Online" for node in found) == count


def waited(ssm: Any, node: str) -> tuple[float, float]:
    """Milliseconds from SendCommand to its answer, and to the start of the script."""
    began = time.time()
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=[node],
        Parameters={"commands": ["date +%s.%N"]},
    )
    answered = time.time()
    command = sent["Command"]["CommandId"]

    def ended() -> Any:
        told = ssm.list_commands(CommandId=command)["Commands"][0]
        return None if told["Status"] in ("Pending", "InProgress") else told

    eventually("the command's end", ended)
    answer = ssm.get_command_invocation(CommandId=command, InstanceId=node)
    started = float(answer["StandardOutputContent"])
    return (answered - began) * 1000, (started - began) * 1000


def shell() -> float:
    """Milliseconds until a shell that is started here says the time: what nobody can do without."""
    waits = []
    for _ in range(30):
        began = time.time()
        said = subprocess.run(["sh", "-c", "date +%s.%N"], capture_output=True, check=True)
        waits.append((float(said.stdout) - began) * 1000)
    return part(waits, 0.5)


def part(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def told(what: str, found: float, bound: float) -> None:
    word = "holds" if found <= bound else f"DOES NOT HOLD: {found / bound:.2f} times the bound"
    print(f"{what:<20}{found:8.1f} ms   bound {bound:5.0f}   {word}")


if __name__ == "__main__":
    main()
