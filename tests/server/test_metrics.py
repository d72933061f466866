"""Metrics: what Prometheus is told, and that it can read it."""

import re
import socket
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.server.certificates import Certificates
from ostler.server.compose import House, compose
from ostler.server.meter import Meter
from ostler.server.metrics import Metrics
from ostler.server.settings import Settings
from ostler.wire.http import Request
from tests.capabilities.nodes.fleets import FACTS, application
from tests.server.doors import get
from tests.support.calls import a_call
from tests.support.processes import ROOT, ServerProcess

Samples = dict[str, float]


class Watched:
    """A house with a meter, and what it tells of itself."""

    def __init__(self, house: House, metrics: Metrics, clock: ManualClock) -> None:
        self.house = house
        self.clock = clock
        self._metrics = metrics

    async def told(self) -> Samples:
        """Every sample by its name, with its labels as Prometheus writes them."""
        page = await get(self._metrics, "/metrics")
        assert 200 == page.status
        return read(page.body.decode())

    async def ask(self, operation: str, node: str = "", **given: Any) -> Any:
        """The answer to somebody who may do everything, or to a node."""
        scope = Scope(self.house.administrator.account, "us-east-1")  # type: ignore[arg-type]
        call = a_call(operation, scope, self.clock, node=NodeId(node) if node else None)
        return await self.house.gateway.invoke(call, "ssm", operation, given)


def read(text: str) -> Samples:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = "".join(f",{name}={value}" for name, value in sorted(sample.labels.items()))
            found[sample.name + labels] = sample.value
    return found


@asynccontextmanager
async def watched(data: Path, clock: ManualClock) -> AsyncIterator[Watched]:
    settings, meter = Settings(data=data), Meter()
    certificates = Certificates.of(settings, clock=clock, names=lambda: ["box"])
    house = await compose(settings, clock=clock, meter=meter)
    yield Watched(house, Metrics(house, meter, certificates, clock), clock)
    house.storage.close()


async def test_requests_are_counted_by_operation_and_outcome(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with watched(tmp_path, clock) as seen:
        for target in ("AmazonSSM.ListCommands", "AmazonSSM.ListCommands", "AmazonSSM.Nonsense"):
            await seen.house.gateway.answer(
                Request("POST", "/", "", {"x-amz-target": target}, b"{}")
            )

        told = await seen.told()

    missing = "operation=ssm:ListCommands,outcome=MissingAuthenticationTokenException"
    assert 2 == told[f"ostler_api_requests_total,{missing}"]
    assert 1 == told["ostler_api_requests_total,operation=,outcome=UnknownOperationException"]
    durations = "ostler_api_request_duration_seconds"
    assert 2 == told[f"{durations}_count,operation=ssm:ListCommands"]
    assert 2 == told[f"{durations}_bucket,le=+Inf,operation=ssm:ListCommands"]
    assert 0 < told[f"{durations}_sum,operation=ssm:ListCommands"]


async def test_the_fleet_and_its_commands_are_counted(tmp_path: Path, clock: ManualClock) -> None:
    async with watched(tmp_path, clock) as seen:
        permit = await seen.ask(
            "CreateActivation", IamRole="OstlerManagedInstance", RegistrationLimit=2
        )
        nodes = [
            (await seen.ask("RegisterManagedInstance", **application(permit, number)))["InstanceId"]
            for number in range(2)
        ]
        await seen.ask("UpdateInstanceInformation", nodes[0], InstanceId=nodes[0], **FACTS)
        script = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
        sent = await seen.ask("SendCommand", InstanceIds=nodes[:1], **script)
        await seen.house.timers.run_due()
        open_ones = await seen.told()
        await seen.ask("CancelCommand", CommandId=sent["Command"]["CommandId"])
        await seen.house.timers.run_due()
        ended = await seen.told()

    assert 1 == open_ones["ostler_nodes,status=Online"]
    assert 1 == open_ones["ostler_nodes,status=ConnectionLost"]
    assert 1 == open_ones["ostler_commands,status=Pending"]
    assert 1 == open_ones["ostler_invocations,status=Pending"]
    assert "ostler_commands,status=Pending" not in ended
    assert 1 == ended["ostler_commands_ended_total,status=Cancelled"]
    assert 1 == ended["ostler_invocations_ended_total,status=Cancelled"]
    assert 0 < ended["ostler_storage_write_duration_seconds_count"]
    assert 0 < ended["ostler_storage_read_duration_seconds_count"]


async def test_work_that_is_late_shows(tmp_path: Path, clock: ManualClock) -> None:
    async with watched(tmp_path, clock) as seen:
        assert 0 == (await seen.told())["ostler_timers_due"]

        def schedule(tx: Any) -> None:
            tx.schedule("event:somebody.listens", "1", clock.now())
            tx.schedule("other", "1", clock.now() - timedelta(seconds=5))

        await seen.house.storage.write(None, schedule)
        await clock.advance(timedelta(seconds=90))
        told = await seen.told()

    assert (2, 95) == (told["ostler_timers_due"], told["ostler_timers_lag_seconds"])
    assert (1, 90) == (told["ostler_outbox_waiting"], told["ostler_outbox_lag_seconds"])
    assert 0 == told["ostler_timers_dead"]


async def test_what_the_process_holds_shows(tmp_path: Path, clock: ManualClock) -> None:
    async with watched(tmp_path, clock) as seen:
        told = await seen.told()
        other = await get(seen._metrics, "/else")

    assert 1 == told["ostler_build_info,database=sqlite,version=0.1.0"]
    assert 0 == told["ostler_channels"]
    assert 0 == told["ostler_audit_backlog"]
    assert 0 == told["ostler_audit_lost_total"]
    assert 0 < told["process_resident_memory_bytes"]
    end = datetime.fromtimestamp(told["ostler_certificate_expiry_timestamp_seconds"], UTC)
    assert timedelta(days=396) < end - clock.now() <= timedelta(days=397)
    assert 404 == other.status


def test_a_server_serves_them_on_a_port_of_their_own(tmp_path: Path) -> None:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    server = ServerProcess(tmp_path / "data", "--metrics-port", str(port)).start()
    server.client().list_commands()

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        told = read(answer.read().decode())
    assert 1 == told["ostler_api_requests_total,operation=ssm:ListCommands,outcome=Success"]
    server.stop()


async def test_the_alerts_and_the_guide_speak_of_metrics_there_are(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with watched(tmp_path, clock) as seen:
        page = (await get(seen._metrics, "/metrics")).body.decode()
    there = set(re.findall(r"^# TYPE (ostler_\w+) ", page, re.M))

    for name in ("packaging/prometheus/ostler.rules.yml", "docs/guides/monitoring.md"):
        spoken = set(re.findall(r"\bostler_\w+", (ROOT / name).read_text()))
        assert spoken, name
        assert spoken <= there, name
