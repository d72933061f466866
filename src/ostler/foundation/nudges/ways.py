"""Ways: what carries nudges from process to process, PostgreSQL's notifications or NATS.

Neither keeps anything: what is said while nobody listens is lost, which nudges may be.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import make_url

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

CHANNEL = "ostler_nudges"
SUBJECT = "ostler.nudges"
LARGEST = 7000
"""Bytes that are said at once; PostgreSQL takes 8,000."""
OPENED_WITHIN = 5
PING_EVERY = 10
"""Seconds. After two pings without an answer NATS counts as gone."""


class WayCut(Exception):
    """The way is not open any more, or never was; the text says why."""


class Line(Protocol):
    """A way that is open."""

    async def say(self, post: bytes) -> None:
        """Let every process hear `post`, this one perhaps too; WayCut."""
        ...

    def heard(self) -> AsyncIterator[bytes]:
        """What is said from the opening on, until WayCut."""
        ...


class Way(Protocol):
    """How processes reach each other."""

    def open(self) -> AbstractAsyncContextManager[Line]:
        """Listen from now on; WayCut."""
        ...


def way_of(database: str, nudges: str = "") -> Way | None:
    """The way that `nudges` names, or else that of the database; None for a process alone.

    Processes share nothing but PostgreSQL: with any other database there is only one.
    """
    parsed = make_url(database)
    if parsed.get_backend_name() != "postgresql":
        return None
    if nudges:
        return Nats(nudges)
    plain = parsed.set(drivername="postgresql")
    return Postgresql(plain.render_as_string(hide_password=False))


class Postgresql:
    """LISTEN and NOTIFY."""

    def __init__(self, address: str) -> None:
        self._address = address

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        try:
            hearing = await psycopg.AsyncConnection.connect(self._address, autocommit=True)
            async with hearing:
                sending = await psycopg.AsyncConnection.connect(self._address, autocommit=True)
                async with sending:
                    await hearing.execute(f"LISTEN {CHANNEL}")
                    yield _PostgresqlLine(hearing, sending)
        except psycopg.Error as fault:
            raise WayCut(str(fault)) from fault


class _PostgresqlLine:
    def __init__(
        self, hearing: psycopg.AsyncConnection[Any], sending: psycopg.AsyncConnection[Any]
    ) -> None:
        self._hearing = hearing
        self._sending = sending

    async def say(self, post: bytes) -> None:
        try:
            await self._sending.execute("SELECT pg_notify(%s, %s)", (CHANNEL, post.decode()))
        except psycopg.Error as fault:
            raise WayCut(str(fault)) from fault

    async def heard(self) -> AsyncIterator[bytes]:
        try:
            async for notification in self._hearing.notifies():
                yield notification.payload.encode()
        except psycopg.Error as fault:
            raise WayCut(str(fault)) from fault


class Nats:
    """NATS core at `nats://host:4222` or `tls://…`; a path tells houses apart on one NATS."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        name = parts.path.strip("/").replace("/", ".")
        self._server = parts._replace(path="").geturl()
        self._subject = f"{SUBJECT}.{name}" if name else SUBJECT

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        import nats  # nobody else needs it
        from nats.errors import Error

        posts: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def take(message: "Msg") -> None:
            posts.put_nowait(message.data)

        async def closed() -> None:
            posts.put_nowait(None)

        async def fault_told(fault: Exception) -> None:
            """What matters of it shows as a closed connection."""

        try:
            # It must not reconnect by itself: whoever listens has to look for what it missed.
            client = await nats.connect(
                self._server,
                allow_reconnect=False,
                connect_timeout=OPENED_WITHIN,
                ping_interval=PING_EVERY,
                no_echo=True,
                closed_cb=closed,
                error_cb=fault_told,
            )
            try:
                await client.subscribe(self._subject, cb=take)
                await client.flush(OPENED_WITHIN)
                yield _NatsLine(client, self._subject, posts)
            finally:
                await client.close()
        except (Error, OSError) as fault:
            raise WayCut(f"NATS: {fault}") from fault


class _NatsLine:
    def __init__(
        self, client: "Client", subject: str, posts: "asyncio.Queue[bytes | None]"
    ) -> None:
        self._client = client
        self._subject = subject
        self._posts = posts

    async def say(self, post: bytes) -> None:
        from nats.errors import Error

        try:
            await self._client.publish(self._subject, post)
        except Error as fault:
            raise WayCut(f"NATS: {fault}") from fault

    async def heard(self) -> AsyncIterator[bytes]:
        while (post := await self._posts.get()) is not None:
            yield post
        raise WayCut("NATS: the connection was closed")
