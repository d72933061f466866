"""The template: a server's folder with nodes that have registered, made once for all seeds."""

import gc
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from unittest import mock

from cryptography.hazmat.primitives import serialization

from ostler.agent import registration, signing
from ostler.agent.fingerprint import fingerprint_of
from ostler.agent.folder import Folder
from ostler.agent.keys import Keys
from ostler.agent.network import endpoint_of
from ostler.foundation.storage import engines, storage
from tests.agent.life import NearSmith
from tests.simulation.customer import REGION, TWO_STEPS, TWO_STEPS_CONTENT, Customer
from tests.simulation.host import CountingHost
from tests.simulation.ids import SeededIds
from tests.simulation.loop import LoopClock, VirtualLoop, buried
from tests.simulation.network import HOST, Access, Internet
from tests.simulation.server import Server
from tests.simulation.storage import Basement
from tests.simulation.trace import Trace

MOST_NODES = 6


@dataclass(frozen=True, slots=True)
class Template:
    """Where it lies, and where each seed's copy does: in the same place every time."""

    original: Path
    copy: Path

    def fresh(self) -> Path:
        """A copy in which nothing has happened yet."""
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.original, self.copy)
        return self.copy


@contextmanager
def template() -> Iterator[Template]:
    """Make it, and have the slow parts be quick as long as it is there."""
    memory = Path("/dev/shm")
    place = Path(
        tempfile.mkdtemp(prefix="ostler-simulation-", dir=memory if memory.is_dir() else None)
    )
    made = Template(place / "original", place / "copy")
    try:
        with _quick_keys(), _one_engine():
            _make(made.copy)
            shutil.move(made.copy, made.original)
            # What lives for ever need not be looked at whenever a seed's remains are collected.
            gc.collect()
            gc.freeze()
            yield made
    finally:
        gc.unfreeze()
        shutil.rmtree(place, ignore_errors=True)


def server_folder(place: Path) -> Path:
    return place / "server"


def node_folder(place: Path, number: int) -> Path:
    return place / f"node{number}"


def _make(place: Path) -> None:
    place.mkdir()
    loop = VirtualLoop()
    with buried(loop):
        loop.run_until_complete(_enrol(loop, place))


async def _enrol(loop: VirtualLoop, place: Path) -> None:
    chance = Random("template")
    trace = Trace(loop)
    net = Internet(loop, chance, trace)
    faults: list[str] = []
    server = Server(
        loop,
        net,
        Basement(loop, chance, trace),
        trace,
        server_folder(place),
        seed="template",
        fault=faults.append,
    )
    server.start()
    clock = LoopClock(loop)
    while net.app is None:
        assert not faults, faults
        await clock.sleep(timedelta(seconds=1))
    customer = Customer(Access(net, "customer"), clock)
    await customer.ask(
        "CreateDocument",
        {
            "Name": TWO_STEPS,
            "Content": json.dumps(TWO_STEPS_CONTENT),
            "DocumentType": "Command",
            "DocumentFormat": "JSON",
        },
    )
    for number in range(1, MOST_NODES + 1):
        made = await customer.ask(
            "CreateActivation",
            {
                "IamRole": "OstlerManagedInstance",
                "Tags": [{"Key": "name", "Value": f"node{number}"}],
            },
        )
        folder = Folder(node_folder(place, number))
        folder.open()
        await registration.register(
            Access(net, "customer"),
            folder,
            Keys(folder, NearSmith()),
            endpoint=endpoint_of(f"https://{HOST}"),
            region=REGION,
            activation_id=made["ActivationId"],
            activation_code=made["ActivationCode"],
            fingerprint=fingerprint_of(
                folder, CountingHost(clock, number).facts().hardware, SeededIds(chance)
            ),
        )
    await server.stop()
    assert not faults, faults


@contextmanager
def _quick_keys() -> Iterator[None]:
    """Keys of RSA take long to load: each is loaded once."""
    loaded = lru_cache(maxsize=1000)(serialization.load_pem_private_key)
    with mock.patch.object(signing.serialization, "load_pem_private_key", loaded):
        yield


@contextmanager
def _one_engine() -> Iterator[None]:
    """Statements are compiled once for an engine: all lives of all seeds share one."""
    opened = lru_cache(maxsize=None)(engines.open_backend)
    with mock.patch.object(storage, "open_backend", opened):
        yield
