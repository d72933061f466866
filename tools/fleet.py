"""`make fleet N=5`: enrol and run N agents on this machine against the server of `make run`."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.demo import BIN, load_environment


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the server's data folder")
    parser.add_argument("--count", type=int, default=3, help="how many agents")
    options = parser.parse_args()
    environment = options.data / "client.env"
    if not environment.exists():
        print(f"There is no {environment}: start a server first, with `make run`.")
        return 1
    load_environment(environment)
    folders = [options.data.parent / "fleet" / f"agent-{n}" for n in range(1, options.count + 1)]
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
