"""`ostler-server`: reads the settings, opens the doors, and closes them again in order."""

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ostler.foundation.clock import SystemClock
from ostler.relay.asgi import Event, Receive, Send
from ostler.server import admin, backup, bundles
from ostler.server.certificates import Certificates, machine_names
from ostler.server.clients import write_client_files
from ostler.server.compose import House, compose
from ostler.server.connections import HttpConnection, WebSocketConnection, most_connections
from ostler.server.logs import configure_logging
from ostler.server.meter import Meter
from ostler.server.opening import CannotStart, alone, explained
from ostler.server.settings import Settings, WrongSetting, read_settings
from ostler.wire.agent.frames import LARGEST_FRAME

Application = Callable[[Event, Receive, Send], Coroutine[Any, Any, None]]

log = structlog.get_logger()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit status is 0 after an orderly end."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    other = {
        "admin": admin.main,
        "backup": backup.backup,
        "bundle": bundles.main,
        "restore": backup.restore,
    }
    if given and given[0] in other:
        return other[given[0]](given[1:])
    options = vars(_parser().parse_args(given))
    try:
        settings = read_settings(os.environ, options.pop("config"), **options)
        if (settings.data / backup.UNFINISHED).exists():
            raise WrongSetting(f"{settings.data} is half restored: empty it, and begin again.")
    except (WrongSetting, OSError) as fault:
        print(f"ostler-server: {fault}", file=sys.stderr)
        return 2
    configure_logging(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except (WrongSetting, CannotStart, OSError) as fault:
        print(f"ostler-server: {fault}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ostler-server",
        description="The Ostler server. `ostler-server admin --help` manages accounts and keys, "
        "`backup --help` and `restore --help` say how to be safe, `bundle --help` how nodes with "
        "another Python get their agent.",
    )
    add = parser.add_argument
    add("--config", type=Path, help="a TOML file of settings (docs/reference/settings.md)")
    add("--data", type=Path, help="the folder of everything the server keeps (default: var)")
    add("--host", help="the address to listen on (default: every one)")
    add("--port", type=int, help="the port for HTTPS, 0 for any free one (default: 8443)")
    add("--http-port", type=int, help="also listen in plain HTTP, on loopback addresses only")
    add("--metrics-port", type=int, help="serve metrics on this port of loopback addresses")
    add("--region", help="the default region (default: us-east-1)")
    add("--domain", help="the domain of names like ssm.REGION.DOMAIN")
    add("--name", action="append", dest="names", help="a further name or address of this server")
    add("--database", help="a database URL, e.g. postgresql+psycopg://user@host/name")
    add("--blobs", help="a folder or s3://bucket/prefix for output and attachments")
    add("--log-level", choices=["debug", "info", "warning", "error"])
    return parser


async def _serve(settings: Settings) -> None:
    """Open the house, serve until a signal comes, close the house."""
    _make_private(settings.data)
    with alone(settings):
        certificates = Certificates.of(settings)
        meter = None if settings.metrics_port is None else Meter()
        with explained(settings):
            house = await compose(
                settings, ca=certificates.ca_file, names=machine_names(), meter=meter
            )
        await _keep_open(settings, house, certificates, meter)


async def _keep_open(
    settings: Settings, house: House, certificates: Certificates, meter: Meter | None
) -> None:
    """Serve until a signal comes."""
    listeners = [_listen(settings.host, settings.port)]
    contexts: list[ssl.SSLContext | None] = [certificates.context()]
    if settings.http_port is not None:
        listeners.append(_listen("127.0.0.1", settings.http_port))
        contexts.append(None)
    port = listeners[0].getsockname()[1]
    servers = [http_server(house.front, context) for context in contexts]
    if meter is not None:
        from ostler.server.metrics import Metrics  # nobody else needs what it brings along

        assert settings.metrics_port is not None
        listeners.append(_listen("127.0.0.1", settings.metrics_port))
        servers.append(http_server(Metrics(house, meter, certificates, SystemClock()), None))
    stopping = asyncio.Event()
    _spare_the_long_lived()
    async with house.running(), _kept_fresh(certificates):
        serving = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(servers, listeners, strict=True)
        ]
        with _signals(stopping):
            await _until_started(servers, serving)
            write_client_files(settings, house.administrator, certificates, port)
            if meter is not None:
                watched = listeners[-1].getsockname()[1]
                print(f"metrics: http://127.0.0.1:{watched}/metrics", flush=True)
            print(f"ready: https://127.0.0.1:{port}", flush=True)
            print(f"clients: . {settings.data / 'client.env'}", flush=True)
            waiting = asyncio.create_task(stopping.wait())
            await asyncio.wait([waiting, *serving], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)
    log.info("server_stopped")


@contextlib.asynccontextmanager
async def _kept_fresh(certificates: Certificates) -> AsyncIterator[None]:
    """Look every day whether the certificate is still good for long enough."""

    async def refresh() -> None:
        while True:
            await SystemClock().sleep(timedelta(days=1))
            if certificates.refresh():
                log.info("certificate_renewed")

    task = asyncio.create_task(refresh())
    try:
        yield
    finally:
        task.cancel()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: several of them share this process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A client that keeps an idle connection in its pool does not read TLS's farewell, and
        # would be waited for until the grace period is over.
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpToolsProtocol) and _is_idle(connection):
                connection.transport.abort()
        await super().shutdown(sockets)


def _is_idle(connection: HttpToolsProtocol) -> bool:
    return connection.cycle is None or connection.cycle.response_complete


def http_server(application: Application, context: ssl.SSLContext | None) -> uvicorn.Server:
    """uvicorn as we have it, with TLS if there is a context."""
    config = uvicorn.Config(
        application,
        http=partial(HttpConnection, most=most_connections()),  # type: ignore[arg-type]
        ws=WebSocketConnection,
        # The agents' own pings do not show in ASGI: without ours a peer that vanished in silence
        # would stay connected for ever.
        ws_ping_interval=30,
        ws_ping_timeout=30,
        ws_max_size=LARGEST_FRAME,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    config.load()
    config.ssl = context
    return _Server(config)


async def _until_started(
    servers: Sequence[uvicorn.Server], serving: Sequence[asyncio.Task[None]]
) -> None:
    while not all(server.started for server in servers):
        for task in serving:
            if task.done():
                task.result()
                raise OSError("A listener ended before it had begun.")
        await asyncio.sleep(0.005)  # noqa: TID251 - uvicorn tells of its start in no other way


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def _signals(stopping: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _spare_the_long_lived() -> None:
    """Have Python look for garbage less often, and never among what stays.

    A server with thousands of connections has millions of objects that are none. To look through
    all of them took an eighth of its CPU, and everybody waited meanwhile.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _make_private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


if __name__ == "__main__":
    sys.exit(main())
