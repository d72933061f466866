"""`make fleet N=500`: enrol and run N nodes against the server of `make run`.

Up to twenty are real agents, a process each, which run what they are sent on this machine. More
are simulated, all in this process: they speak to the server as stock agents do, and only say that
they did what they were told. Either sort is enrolled once, and comes back the next time.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.demo import BIN, load_environment
from tools.simulated import Fleet, Manner, activations

MOST_AGENTS = 20
"""Beyond that, processes weigh more on the machine than they show."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="the server's data folder")
    add("--count", type=int, default=3, help="how many nodes (default: 3)")
    sort = parser.add_mutually_exclusive_group()
    sort.add_argument("--agents", action="store_true", help="real agents, however many")
    sort.add_argument("--simulated", action="store_true", help="simulated nodes, however few")
    manner = Manner()
    add("--seconds", type=float, default=2.0, help="the most that a simulated node takes (2)")
    add("--failing", type=float, default=0.0, help="the share of what they do that fails (0)")
    add("--repeat", type=float, default=manner.repeat, help="seconds until a reply is said again")
    options = parser.parse_args()
    environment = options.data / "client.env"
    if not environment.exists():
        print(f"There is no {environment}: start a server first, with `make run`.")
        return 1
    load_environment(environment)
    folder = options.data.parent / "fleet"
    few = options.count <= MOST_AGENTS
    if options.agents or (few and not options.simulated):
        return run_agents(folder, options.count)
    manner = Manner((0.0, options.seconds), failing=options.failing, repeat=options.repeat)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(simulate(folder / "simulated.json", options.count, manner))
    return 0


async def simulate(file: Path, count: int, manner: Manner) -> None:
    """Be `count` simulated nodes until a signal comes; those that `file` knows are enrolled."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    url, authority = os.environ["AWS_ENDPOINT_URL"], Path(os.environ["AWS_CA_BUNDLE"])
    fleet = Fleet(url, authority, region=os.environ["AWS_REGION"], manner=manner)
    fleet.load(file)
    if (missing := count - len(fleet.nodes)) > 0:
        await fleet.enrol(activations(boto3.client("ssm"), missing, role="fleet"))
        fleet.save(file)
    del fleet.nodes[count:]
    async with fleet.running():
        stopping = asyncio.create_task(stopped.wait())
        connecting = asyncio.create_task(fleet.connected())
        await asyncio.wait([stopping, connecting], return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            print(f"{count} simulated nodes, tagged role=fleet; Ctrl-C stops them.", flush=True)
        connecting.cancel()
        await stopping


def run_agents(base: Path, count: int) -> int:
    """Be `count` real agents."""
    folders = [base / f"agent-{n}" for n in range(1, count + 1)]
    fresh = [folder for folder in folders if not (folder / "registration.json").exists()]
    if fresh:
        enrol(fresh)
    agents = [
        subprocess.Popen([str(BIN / "ostler-agent"), "run", "--data", str(folder)])
        for folder in folders
    ]
    print(f"{len(agents)} agents run, tagged role=fleet; Ctrl-C stops them.", flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop(agents))
    return max(abs(agent.wait()) for agent in agents)


def stop(agents: list[subprocess.Popen[bytes]]) -> None:
    for agent in agents:
        agent.terminate()


def enrol(folders: list[Path]) -> None:
    """Register one agent per folder through one activation."""
    activation = boto3.client("ssm").create_activation(
        IamRole="OstlerManagedInstance",
        DefaultInstanceName="fleet",
        RegistrationLimit=len(folders),
        Tags=[{"Key": "role", "Value": "fleet"}],
    )
    for folder in folders:
        command = [str(BIN / "ostler-agent"), "register", "--data", str(folder)]
        command += ["--server", os.environ["AWS_ENDPOINT_URL"]]
        command += ["--region", os.environ["AWS_REGION"]]
        command += ["--ca-file", os.environ["AWS_CA_BUNDLE"]]
        command += ["--activation-id", activation["ActivationId"]]
        command += ["--activation-code", activation["ActivationCode"]]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
