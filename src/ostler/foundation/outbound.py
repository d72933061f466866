"""Calls out of the house: HTTP to where users say, unless that is nobody's business.

Whoever names a URL stands outside, the server stands inside. So a host is looked up once, its
addresses are judged, and the address that passed is the one spoken to. Redirects are not followed,
an answer is read to a bound, and all of it has a limit of time.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

import httpcore

DENIED = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "100.100.100.200/32",
    "224.0.0.0/3",
    "::/127",
    "fe80::/10",
    "fd00:ec2::/32",
    "ff00::/8",
)
"""This machine itself, what clouds tell machines of themselves, and what is no one's address."""

LARGEST_ANSWER = 65_536

_CONNECTING = 5.0
_WHOLE = 15.0
_LONGEST_URL = 2048
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Unreachable(Exception):
    """Nobody answered, or the call is not made; `lasting` where trying again is of no use."""

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody outside answered; header names in small letters, the body to a bound."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Outbound(Protocol):
    """Makes calls out of the house."""

    async def send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        """The answer, whatever its status; Unreachable where there is none."""
        ...


class Networks:
    """Which addresses may be spoken to: those in `allowed`, and those that are not in `denied`."""

    def __init__(self, denied: Iterable[str] = DENIED, allowed: Iterable[str] = ()) -> None:
        self._denied = [ipaddress.ip_network(each) for each in denied]
        self._allowed = [ipaddress.ip_network(each) for each in allowed]

    def permit(self, text: str) -> bool:
        """Whether an address may be spoken to, whatever it is written as."""
        written = ipaddress.ip_address(text.partition("%")[0])
        meant = [written, *_within(written)]
        if all(_among(each, self._allowed) for each in meant):
            return True
        return not any(_among(each, self._denied) for each in meant)

    async def find(self, host: str, port: int, *, private: bool = False) -> Sequence[str]:
        """The addresses of a host that may be spoken to, at least one.

        With `private` it has to be one that the internet does not know.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as fault:
            raise Unreachable(f"{host} is not found: {fault}") from fault
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        permitted = [address for address in addresses if self.permit(address)]
        if not permitted:
            raise Unreachable(
                f"{host} is at an address that this server does not speak to; the settings "
                "outbound_allowed and outbound_denied say which those are.",
                lasting=True,
            )
        if private and any(_is_global(address) for address in permitted):
            raise Unreachable(
                f"{host} is on the internet: what goes there is sent over https only.",
                lasting=True,
            )
        return permitted


class Http:
    """Outbound over HTTP/1.1, with connections that are kept for a while."""

    def __init__(self, networks: Networks, *, authorities: ssl.SSLContext | None = None) -> None:
        def pool(*, private: bool) -> httpcore.AsyncConnectionPool:
            return httpcore.AsyncConnectionPool(
                ssl_context=authorities or ssl.create_default_context(),
                max_connections=256,
                max_keepalive_connections=64,
                keepalive_expiry=15.0,
                network_backend=_Guarded(networks, private=private),
            )

        self._pools = {"https": pool(private=False), "http": pool(private=True)}

    async def send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        """The answer, whatever its status; Unreachable where there is none."""
        parts = checked(url)
        told = [("host", parts.netloc), ("content-length", str(len(body))), *headers]
        limits = {"connect": _CONNECTING, "read": _WHOLE, "write": _WHOLE, "pool": _WHOLE}
        try:
            async with (
                asyncio.timeout(_WHOLE),
                self._pools[parts.scheme].stream(
                    method,
                    url,
                    headers=[(name.encode(), value.encode("latin-1")) for name, value in told],
                    content=body,
                    extensions={"timeout": limits},
                ) as response,
            ):
                return await _answer(response)
        except TimeoutError:
            raise Unreachable(f"{parts.hostname} does not answer.") from None
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as fault:
            told_fault = str(fault) or type(fault).__name__
            raise Unreachable(f"{parts.hostname} cannot be reached: {told_fault}") from fault
        except (UnicodeEncodeError, ValueError) as fault:
            raise Unreachable(f"{url} cannot be asked: {fault}", lasting=True) from fault

    async def close(self) -> None:
        """Let go of the connections."""
        for pool in self._pools.values():
            await pool.aclose()


def checked(url: str) -> SplitResult:
    """The parts of a URL that may be called; Unreachable where it is none."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("https", "http") or len(url) > _LONGEST_URL:
        raise Unreachable(f"{url} is no URL of https or http.", lasting=True)
    if "@" in parts.netloc:
        raise Unreachable("A URL holds no name and password.", lasting=True)
    if not url.isascii() or any(letter <= " " for letter in url):
        raise Unreachable(f"{url} has characters that a URL has not.", lasting=True)
    return parts


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects only where it may: to an address that was judged, never to a name."""

    def __init__(self, networks: Networks, *, private: bool) -> None:
        self._networks = networks
        self._private = private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        *others, last = await self._networks.find(host, port, private=self._private)
        for address in others:
            try:
                return await self._inner.connect_tcp(address, port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(last, port, timeout)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


async def _answer(response: httpcore.Response) -> Answer:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) >= LARGEST_ANSWER:
            break
    return Answer(response.status, headers, bytes(body[:LARGEST_ANSWER]))


def _within(address: Address) -> list[Address]:
    """The IPv4 address inside an IPv6 one, for those kinds that carry it on."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    inner = address.ipv4_mapped or address.sixtofour
    return [] if inner is None else [inner]


def _among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _is_global(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    return all(each.is_global for each in [*_within(address)] or [address])
