"""The program `ostler-agent`: register this machine as a node, and be one."""

import argparse
import asyncio
import logging
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path

from ostler.agent import VERSION, doctor, registration, trials
from ostler.agent.calls import Refused
from ostler.agent.compose import AUTHORITY_FILE, Agent, Outside
from ostler.agent.fingerprint import fingerprint_of
from ostler.agent.folder import Folder, FolderInUse
from ostler.agent.host.environment import passed_on
from ostler.agent.host.linux import REBOOT, LinuxHost
from ostler.agent.installation import Installation
from ostler.agent.keys import ChildSmith, Keys, KeyUnusable
from ostler.agent.network import NetworkFault, RealNetwork, endpoint_of
from ostler.agent.output import LARGEST
from ostler.foundation.clock import SystemClock
from ostler.foundation.ids import SystemIds

DATA = Path("/var/lib/ostler-agent")
MEGABYTE = 1024 * 1024


class Mistake(Exception):
    """What was asked cannot be done; the text is for whoever asked."""


_EXPECTED = (
    Mistake,
    Refused,
    NetworkFault,
    KeyUnusable,
    FolderInUse,
    registration.RegistrationUnreadable,
    OSError,
    ValueError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    given = _parser().parse_args(arguments)
    given.arguments = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(
        level=given.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # The websocket library tells of every connection at the level of our own milestones.
    logging.getLogger("websockets").setLevel(logging.WARNING)
    commands = {
        "register": _register,
        "run": _run,
        "deregister": _deregister,
        "doctor": doctor.run,
        "unit": _unit,
    }
    try:
        return commands[given.command](given)
    except _EXPECTED as fault:
        print(f"ostler-agent: {fault}", file=sys.stderr)
        return 1


def _register(given: argparse.Namespace) -> int:
    folder = _folder(given)
    folder.claim()
    saved = None if given.force else registration.saved(folder)
    if saved is not None:
        raise Mistake(
            f"{folder.path} belongs to node {saved.node} in {saved.region} already. "
            "Say --force to register anew, or use another --data."
        )
    activation_id = given.activation_id or os.environ.get("OSTLER_ACTIVATION_ID")
    activation_code = given.activation_code or os.environ.get("OSTLER_ACTIVATION_CODE")
    if not activation_id or not activation_code:
        raise Mistake("--activation-id and --activation-code are needed, or their variables.")
    endpoint = endpoint_of(given.server)
    if given.ca_file is None:
        folder.remove(AUTHORITY_FILE)
    else:
        folder.write(AUTHORITY_FILE, given.ca_file.read_bytes())
    clock, ids = SystemClock(), SystemIds()
    network = RealNetwork(endpoint, clock, authority=_authority(folder))

    async def register() -> registration.Registration:
        region = given.region or os.environ.get("AWS_REGION")
        return await registration.register(
            network,
            folder,
            Keys(folder, ChildSmith()),
            endpoint=endpoint,
            region=region or await registration.region_of(network),
            activation_id=activation_id,
            activation_code=activation_code,
            fingerprint=fingerprint_of(folder, LinuxHost(clock).facts().hardware, ids),
            name=given.name,
        )

    made = asyncio.run(register())
    print(f"Registered {made.node} in {made.region} with {made.server}")
    return 0


def _run(given: argparse.Namespace) -> int:
    installation, on_trial = Installation.of_this_program(), trials.is_on_trial()
    if installation is not None and not on_trial:
        trials.begin(installation, given.arguments)
    folder = _folder(given)
    folder.claim()
    saved = registration.saved(folder)
    if saved is None:
        raise Mistake(f"{folder.path} belongs to no node yet: begin with ostler-agent register.")
    clock = SystemClock()
    outside = Outside(
        RealNetwork(endpoint_of(saved.server), clock, authority=_authority(folder)),
        LinuxHost(
            clock,
            reboot=shlex.split(given.reboot_command),
            environment=passed_on(os.environ, given.pass_environment),
        ),
        clock,
        SystemIds(),
        ChildSmith(),
        installation,
    )

    async def run() -> Agent:
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        agent = Agent(
            folder,
            saved,
            outside,
            budget=given.disk_budget * MEGABYTE,
            largest=given.output_limit * MEGABYTE,
            on_trial=on_trial,
        )
        await agent.run(stopped)
        return agent

    ended = asyncio.run(run())
    if installation is not None and ended.lost_trial:
        installation.refuse("It did not reach the server in time.")
        trials.become(installation, installation.current, given.arguments)
    if installation is not None and ended.handover.asked.is_set():
        installation.try_out(ended.handover.version, ended.handover.asked_by)
        trials.become(installation, installation.current, given.arguments)
    return 0


def _unit(given: argparse.Namespace) -> int:
    sys.stdout.write(resources.files("ostler.agent").joinpath("ostler-agent.service").read_text())
    return 0


def _deregister(given: argparse.Namespace) -> int:
    folder = _folder(given)
    folder.claim()
    try:
        saved = registration.saved(folder)
    except registration.RegistrationUnreadable:
        node = "a node whose name cannot be read any more"
    else:
        if saved is None:
            raise Mistake(f"{folder.path} belongs to no node.")
        node = saved.node
    registration.forget(folder)
    print(
        f"{folder.path} has forgotten {node}. The server keeps the node until somebody "
        "calls DeregisterManagedInstance."
    )
    return 0


def _folder(given: argparse.Namespace) -> Folder:
    folder = Folder(given.data.absolute())
    folder.open()
    return folder


def _authority(folder: Folder) -> Path | None:
    path = folder.path / AUTHORITY_FILE
    return path if path.exists() else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ostler-agent", description="Make this machine a managed node, and be its agent."
    )
    parser.add_argument("--version", action="version", version=VERSION)
    parts = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--data",
        type=Path,
        default=DATA,
        metavar="DIR",
        help=f"where this agent keeps everything ({DATA})",
    )
    shared.add_argument(
        "--log-level", default="info", choices=("debug", "info", "warning", "error")
    )
    register = parts.add_parser(
        "register", parents=[shared], help="use an activation to become a node"
    )
    register.add_argument("--server", required=True, metavar="URL", help="https://HOST:PORT")
    register.add_argument(
        "--activation-id", metavar="ID", help="otherwise OSTLER_ACTIVATION_ID of the environment"
    )
    register.add_argument(
        "--activation-code",
        metavar="CODE",
        help="otherwise OSTLER_ACTIVATION_CODE, which other users of the machine cannot see",
    )
    register.add_argument(
        "--region",
        help="the activation's region (otherwise AWS_REGION, or what the server calls its own)",
    )
    register.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="the authority to trust, and no other"
    )
    register.add_argument("--name", default="", help="what to call the node instead of its host")
    register.add_argument(
        "--force", action="store_true", help="register anew though this folder has a node"
    )
    run = parts.add_parser("run", parents=[shared], help="be the node, until told to stop")
    run.add_argument(
        "--disk-budget",
        type=int,
        default=200,
        metavar="MB",
        help="how much of the disk outputs may take (200)",
    )
    run.add_argument(
        "--output-limit",
        type=int,
        default=LARGEST // MEGABYTE,
        metavar="MB",
        help=f"how much of one stream of one step is kept ({LARGEST // MEGABYTE})",
    )
    run.add_argument(
        "--reboot-command",
        default=shlex.join(REBOOT),
        metavar="COMMAND",
        help=f"what starts the machine anew after exit code 194 ({shlex.join(REBOOT)})",
    )
    run.add_argument(
        "--pass-environment",
        action="append",
        default=[],
        metavar="NAME",
        help="a variable of the agent's own environment that scripts shall find (repeatable)",
    )
    parts.add_parser("deregister", parents=[shared], help="forget which node this is")
    examine = parts.add_parser(
        "doctor", parents=[shared], help="say what is wrong with this node and how to mend it"
    )
    examine.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parts.add_parser("unit", parents=[shared], help="print the unit for systemd")
    return parser


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
