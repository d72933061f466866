"""Metrics: how the server does, in the form that Prometheus reads."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from ostler import agent
from ostler.foundation import timers
from ostler.foundation.clock import Clock
from ostler.relay.asgi import Event, Receive, Send, respond
from ostler.server.certificates import Certificates
from ostler.server.compose import House
from ostler.server.meter import Histogram, Meter
from ostler.wire.http import Response

_PAGE = {"content-type": CONTENT_TYPE_PLAIN_0_0_4}
_NOT_FOUND = Response(404, {"content-type": "text/plain"}, b"There is only /metrics here.\n")


class Metrics:
    """An application that answers `GET /metrics`, and nothing else, to whoever reaches it."""

    def __init__(
        self, house: House, meter: Meter, certificates: Certificates, clock: Clock
    ) -> None:
        self._house = house
        self._meter = meter
        self._certificates = certificates
        self._clock = clock

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = _NOT_FOUND
        if scope["path"] == "/metrics":
            families = [*self._counted(), *await self._standing()]
            # Writing takes some milliseconds, which others need not wait for.
            text = await asyncio.to_thread(_written, families)
            answer = Response(200, _PAGE, text)
        await respond(send, answer)

    def _counted(self) -> Iterator[Metric]:
        """What this process has counted since it began, and what it holds now."""
        house, meter = self._house, self._meter
        about = {"version": agent.VERSION, "database": house.storage.dialect}
        yield InfoMetricFamily("ostler_build", "What is running.", about)
        yield _requests(meter)
        yield _durations(
            "ostler_api_request_duration_seconds",
            "From a request to its answer, by operation.",
            meter.durations,
            label="operation",
        )
        for name, what, histogram in (
            ("write", "a change to its commit", meter.writes),
            ("read", "a question to the database's answer", meter.reads),
        ):
            name = f"ostler_storage_{name}_duration_seconds"
            yield _durations(name, f"From the wish for {what}.", {"": histogram})
        for name, counted in (("commands", meter.commands), ("invocations", meter.invocations)):
            yield _by_status(CounterMetricFamily, f"ostler_{name}_ended", f"{name} ended.", counted)
        yield _gauge(
            "ostler_channels", "Control channels open to this process.", house.mailbox.channels
        )
        yield _gauge("ostler_audit_backlog", "Audit records not yet written.", house.audit.backlog)
        for name, what, number in (
            ("ostler_audit_lost", "Audit records given up.", house.audit.lost),
            ("ostler_timer_failures", "Handlers of timers that failed.", house.timers.failures),
        ):
            yield CounterMetricFamily(name, what, value=number)
        yield _gauge(
            "ostler_certificate_expiry_timestamp_seconds",
            "When the server's certificate ends.",
            self._certificates.ends.timestamp(),
        )

    async def _standing(self) -> Iterable[Metric]:
        """What the database knows; the same from every process of the house."""
        house, now = self._house, self._clock.now()
        waiting = await house.storage.read(None, partial(timers.waiting, now=now))
        commands = await house.rooms.commands.commands.census()
        nodes = await house.rooms.nodes.census(now)
        return [
            _by_status(GaugeMetricFamily, "ostler_nodes", "Nodes registered.", nodes),
            _by_status(
                GaugeMetricFamily, "ostler_commands", "Commands not yet ended.", commands.commands
            ),
            _by_status(
                GaugeMetricFamily,
                "ostler_invocations",
                "Invocations of those commands.",
                commands.invocations,
            ),
            _gauge("ostler_timers_due", "Timers whose time has come.", waiting.due),
            _gauge("ostler_timers_dead", "Timers that were given up.", waiting.dead),
            _gauge(
                "ostler_timers_lag_seconds",
                "How long the oldest timer that is due has waited.",
                waiting.lag.total_seconds(),
            ),
            _gauge("ostler_outbox_waiting", "Events not yet told.", waiting.events),
            _gauge(
                "ostler_outbox_lag_seconds",
                "How long the oldest event that is not yet told has waited.",
                waiting.events_lag.total_seconds(),
            ),
        ]


class _Given(Collector):
    """Gives what it was given."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _written(families: Sequence[Metric]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Given(families))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return generate_latest(registry)


def _requests(meter: Meter) -> Metric:
    family = CounterMetricFamily(
        "ostler_api_requests", "Requests answered.", labels=["operation", "outcome"]
    )
    for (operation, outcome), number in meter.requests.items():
        family.add_metric([operation, outcome], number)
    return family


def _durations(
    name: str, what: str, histograms: Mapping[str, Histogram], *, label: str = ""
) -> Metric:
    family = HistogramMetricFamily(name, what, labels=[label] if label else [])
    for value, histogram in histograms.items():
        buckets, below = [], 0
        for bound, number in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
            below += number
            buckets.append((str(bound), below))
        family.add_metric([value] if label else [], buckets, histogram.total)
    return family


def _by_status(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    what: str,
    numbers: Mapping[str, int],
) -> Metric:
    family = kind(name, what, labels=["status"])
    for status, number in numbers.items():
        family.add_metric([status], number)
    return family


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)
