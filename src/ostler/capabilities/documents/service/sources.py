"""Sources on the web: reading a file over HTTPS without being led astray."""

import asyncio
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

from ostler.capabilities.documents.service.attachments import Unfetched
from ostler.foundation.call import Call
from ostler.foundation.storage import Scope

_SECONDS = 30
_LONGEST_SECONDS = 900
_REDIRECTS = 3
_CHUNK = 1 << 16


class Web:
    """Reads https URLs, and http ones of the hosts it was told to trust.

    Whoever may create documents chooses the URL, and the server stands where they may not: so
    only public addresses are spoken to, and private ones just on hosts named in `trusted`
    (patterns such as "*.example.internal"). The address that was looked at is the one spoken to.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = [pattern.lower() for pattern in trusted]

    def serves(self, url: str) -> bool:
        """Whether it is a URL of the web."""
        return url.lower().startswith(("https://", "http://"))

    async def allow(self, call: Call, url: str) -> None:
        """What is on the web is everybody's."""
        return

    async def fetch(self, scope: Scope, url: str, most: int) -> bytes:
        """What lies at `url`."""
        reached: list[socket.socket] = []
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                return await asyncio.to_thread(self._fetch, url, most, reached)
        except TimeoutError:
            raise Unfetched(f"{url} takes too long.", lasting=False) from None
        finally:
            # Whoever answers a byte at a time must not hold the thread after we have given up.
            for each in reached:
                _hang_up(each)

    def _fetch(self, url: str, most: int, reached: list[socket.socket]) -> bytes:
        for _ in range(_REDIRECTS + 1):
            found = self._ask(url, most, reached)
            if isinstance(found, bytes):
                return found
            url = found
        raise Unfetched(f"{url} redirects too often.", lasting=True)

    def _ask(self, url: str, most: int, reached: list[socket.socket]) -> bytes | str:
        """The content, or the URL to which a redirect leads."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Unfetched(f"{url} is not a URL.", lasting=True) from None
        is_trusted = any(fnmatchcase(host, pattern) for pattern in self._trusted)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_trusted):
            raise Unfetched(f"{url} is not read: it is not https.", lasting=True)
        connection = _connection(parts, host, port, trusted=is_trusted)
        reached.append(connection.sock)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={"User-Agent": "ostler"})
            return _answer(url, connection.getresponse(), most)
        except (OSError, http.client.HTTPException) as fault:
            raise Unfetched(f"{url} cannot be read: {fault}", lasting=False) from fault
        finally:
            connection.close()


def _hang_up(reached: socket.socket) -> None:
    try:
        reached.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _answer(url: str, response: http.client.HTTPResponse, most: int) -> bytes | str:
    if response.status in (301, 302, 303, 307, 308):
        location = response.getheader("Location") or ""
        if location.startswith("/"):
            parts = urlsplit(url)
            location = f"{parts.scheme}://{parts.netloc}{location}"
        return location
    if response.status != 200:
        lasting = 400 <= response.status < 500 and response.status not in (408, 425, 429)
        raise Unfetched(f"{url} answers {response.status}.", lasting=lasting)
    content = bytearray()
    while chunk := response.read(_CHUNK):
        content += chunk
        if len(content) > most:
            raise Unfetched(f"{url} is larger than {most} bytes.", lasting=True)
    return bytes(content)


def _connection(
    parts: SplitResult, host: str, port: int | None, *, trusted: bool
) -> http.client.HTTPConnection:
    addresses = _addresses(host, port or (443 if parts.scheme == "https" else 80), trusted=trusted)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=_SECONDS)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        reached = _reached(addresses)
        connection.sock = reached
        if parts.scheme == "https":
            connection.sock = _secured(reached, host)
    except OSError as fault:
        connection.close()
        raise Unfetched(f"{host} cannot be reached: {fault}", lasting=False) from fault
    return connection


def _reached(addresses: Sequence[tuple[str, int]]) -> socket.socket:
    """A line to the first address that takes one: a host may have several, not all of use here."""
    *others, last = addresses
    for address in others:
        try:
            return socket.create_connection(address, _SECONDS)
        except OSError:
            continue
    return socket.create_connection(last, _SECONDS)


def _secured(reached: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(reached, server_hostname=host)


def _addresses(host: str, port: int, *, trusted: bool) -> Sequence[tuple[str, int]]:
    """Where the host is, as far as anybody may go there: one address at least."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        raise Unfetched(f"{host} is not found: {fault}", lasting=False) from fault
    names = [str(address[0]) for *_, address in found]
    allowed = [
        (name, port)
        for name in names
        if trusted or ipaddress.ip_address(name.partition("%")[0]).is_global
    ]
    if not allowed:
        raise Unfetched(f"{host} is not a public host, nor one that is trusted.", lasting=True)
    return allowed
