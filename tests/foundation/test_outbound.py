"""Calls out of the house: where they may go, and what the other side can do to us."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from ostler.foundation.outbound import DENIED, LARGEST_ANSWER, Http, Networks, Unreachable

LOOPBACK = Networks(DENIED, ["127.0.0.0/8"])

Handling = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    ("address", "permitted"),
    [
        ("93.184.216.34", True),
        ("10.1.2.3", True),
        ("192.168.1.1", True),
        ("2001:4860:4860::8888", True),
        ("fd12::1", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("169.254.169.254", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:a9fe:a9fe::1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
    ],
)
def test_what_is_denied_unless_a_setting_allows_it(address: str, permitted: bool) -> None:
    assert permitted == Networks().permit(address)


def test_what_is_allowed_wins_over_what_is_denied() -> None:
    assert Networks(["10.0.0.0/8"], ["10.1.0.0/16"]).permit("10.1.0.1")
    assert not Networks(["10.0.0.0/8"], ["10.1.0.0/16"]).permit("10.2.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/",
        "https:///x",
        "https://user:password@a/",
        "//a",
        "https://a:port/",
        "https://a/b c",
        "https://a/\r\nx: y",
        "https://bücher.example/",
        "https://a/" + "x" * 3000,
    ],
)
async def test_what_is_no_url_is_not_called(url: str) -> None:
    with pytest.raises(Unreachable) as refusal:
        await Http(LOOPBACK).send("GET", url)

    assert refusal.value.lasting


async def test_an_answer_comes_whatever_its_status() -> None:
    async with serving(
        answering(b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy")
    ) as url:
        answer = await Http(LOOPBACK).send("POST", f"{url}/x?y=1", [("x-one", "1")], b"body")

    assert (503, "7", b"busy") == (answer.status, answer.headers["retry-after"], answer.body)


async def test_a_redirect_is_not_followed() -> None:
    to = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(to)) as url:
        assert 302 == (await Http(LOOPBACK).send("GET", url)).status


async def test_an_answer_is_read_to_a_bound() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            writer.close()

    async with serving(endless) as url:
        assert LARGEST_ANSWER == len((await Http(LOOPBACK).send("GET", url)).body)


async def test_nobody_there_may_be_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable) as refusal:
            await Http(LOOPBACK).send("GET", f"http://127.0.0.1:{taken.getsockname()[1]}/")

    assert not refusal.value.lasting


async def test_a_name_is_judged_by_its_addresses() -> None:
    """An address in the URL, and a name that leads to one, are no way around the networks."""
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as url:
        for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1"):
            with pytest.raises(Unreachable) as refusal:
                await Http(Networks()).send("GET", url.replace("127.0.0.1", host))
            assert refusal.value.lasting, host


async def test_plain_http_goes_to_private_addresses_only() -> None:
    with pytest.raises(Unreachable) as refusal:
        await Http(Networks()).send("GET", "http://93.184.216.34/")

    assert "https only" in str(refusal.value)


def answering(answer: bytes) -> Handling:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    return handle


@asynccontextmanager
async def serving(handle: Handling) -> AsyncIterator[str]:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
