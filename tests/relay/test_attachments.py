"""Links to attachments: good for one file, for a quarter of an hour, and for nothing else."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest

from ostler.foundation.blobs import PIECE, Blobs
from ostler.foundation.call import Call
from ostler.foundation.clock import ManualClock
from ostler.foundation.secrets import Secrets
from ostler.gateway.app import endpoint_of
from ostler.relay.attachments import LIFE, PATH, Attachments
from ostler.wire.http import Request
from tests.relay.fakes import SCOPE
from tests.support.calls import a_call

ENDPOINT = "https://ssm.local-1.example:8443"
FOLDER = "documents/123456789012/local-1/a"
FILE = bytes(range(256)) * (PIECE // 100)


class Desk:
    """Attachments with blobs in memory, and clients that speak ASGI to them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.blobs = Blobs("memory://")
        self.attachments = Attachments(self.blobs, Secrets(bytes(32)), self.clock)

    def call(self, endpoint: str = ENDPOINT) -> Call:
        call = a_call("GetDocument", SCOPE, self.clock)
        call.endpoint = endpoint
        return call

    async def link(self, name: str = "tool.zip", content: bytes = FILE) -> str:
        """The path of a link to a new file."""
        await self.blobs.put(f"{FOLDER}/{name}", content)
        url = self.attachments.link(self.call(), f"{FOLDER}/{name}", name)
        assert url.startswith(ENDPOINT + PATH)
        return url.removeprefix(ENDPOINT)

    async def ask(
        self, path: str, method: str = "GET", *, leaves_after: int = 0, **headers: str
    ) -> tuple[int, dict[str, str], list[bytes]]:
        """Status, headers and the pieces of the body; the client may leave after some of them."""
        sent: list[Any] = []
        gone = asyncio.Event()
        asked = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not asked.is_set():
                asked.set()
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(event: Any) -> None:
            sent.append(event)
            if len(sent) == leaves_after + 1 and leaves_after:
                gone.set()
                await self.clock.advance(timedelta(0))

        scope = {
            "type": "http",
            "scheme": "https",
            "method": method,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.1", 1234),
        }
        await self.attachments(scope, receive, send)
        start, *bodies = sent
        told = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], told, [body.get("body", b"") for body in bodies]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_whoever_has_the_link_gets_the_file(desk: Desk) -> None:
    status, headers, pieces = await desk.ask(await desk.link())

    assert (200, str(len(FILE))) == (status, headers["content-length"])
    assert "attachment; filename*=UTF-8''tool.zip" == headers["content-disposition"]
    assert FILE == b"".join(pieces)
    assert PIECE == max(map(len, pieces))


async def test_a_head_has_the_length_and_no_body(desk: Desk) -> None:
    status, headers, pieces = await desk.ask(await desk.link(), "HEAD")

    assert (200, str(len(FILE)), [b""]) == (status, headers["content-length"], pieces)


async def test_an_empty_file_is_a_file(desk: Desk) -> None:
    status, headers, pieces = await desk.ask(await desk.link(content=b""))

    assert (200, "0", [b""]) == (status, headers["content-length"], pieces)


@pytest.mark.parametrize(
    ("wanted", "status", "content", "range_of_it"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 200, b"0123456789", None),
        ("bytes=5-4", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("pages=1-2", 200, b"0123456789", None),
        ("bytes=10-", 416, b"The file has 10 bytes.\n", "bytes */10"),
        ("bytes=-0", 416, b"The file has 10 bytes.\n", "bytes */10"),
    ],
)
async def test_a_cut_download_can_go_on(
    desk: Desk, wanted: str, status: int, content: bytes, range_of_it: str | None
) -> None:
    link = await desk.link(content=b"0123456789")

    answered, headers, pieces = await desk.ask(link, range=wanted)

    assert (status, content) == (answered, b"".join(pieces))
    assert range_of_it == headers.get("content-range")


async def test_a_link_is_good_for_a_while_only(desk: Desk) -> None:
    link = await desk.link()
    await desk.clock.advance(LIFE - timedelta(seconds=1))
    assert 200 == (await desk.ask(link))[0]
    await desk.clock.advance(timedelta(seconds=1))

    status, _, pieces = await desk.ask(link)

    assert 403 == status
    assert [
        b"The link was good until 2026-01-01T00:15:00Z; GetDocument gives a new one.\n"
    ] == pieces


async def test_a_link_with_one_bit_changed_is_none(desk: Desk) -> None:
    token, name = (await desk.link()).removeprefix(PATH).split("/")
    data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))

    answers = set()
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        forged = base64.urlsafe_b64encode(changed).decode().rstrip("=")
        answers.add((await desk.ask(f"{PATH}{forged}/{name}"))[0])

    assert {403} == answers


@pytest.mark.parametrize(
    "change",
    [
        lambda token, name: f"{token}/other.zip",
        lambda token, name: f"{token}/x/{name}",
        lambda token, name: f"{token}/../{name}",
        lambda token, name: f"{token}/..%2F{name}",
        lambda token, name: f"{token}/{name}/",
        lambda token, name: token,
        lambda token, name: f"{token}!/{name}",
        lambda token, name: f"/{name}",
        lambda token, name: f"{'A' * 100_000}/{name}",
        lambda token, name: "",
    ],
)
async def test_a_link_leads_nowhere_else(desk: Desk, change: Any) -> None:
    token, name = (await desk.link()).removeprefix(PATH).split("/")

    status, _, _ = await desk.ask(PATH + change(token, name))

    assert 403 == status


async def test_a_seal_of_this_house_for_another_purpose_opens_nothing(desk: Desk) -> None:
    sealed = Secrets(bytes(32)).seal(b"anything", "session-token")
    token = base64.urlsafe_b64encode(sealed.data).decode().rstrip("=")

    assert 403 == (await desk.ask(f"{PATH}{token}/tool.zip"))[0]


async def test_a_file_that_was_deleted_is_no_more(desk: Desk) -> None:
    link = await desk.link()
    await desk.blobs.delete(f"{FOLDER}/tool.zip")

    assert 404 == (await desk.ask(link))[0]


async def test_nothing_can_be_brought_by_a_link(desk: Desk) -> None:
    status, headers, _ = await desk.ask(await desk.link(), "PUT")

    assert (405, "GET, HEAD") == (status, headers["allow"])


async def test_nobody_reads_on_for_a_client_that_has_left(desk: Desk) -> None:
    link = await desk.link(content=bytes(10 * PIECE))

    _, _, pieces = await desk.ask(link, leaves_after=2)

    assert 2 == len(pieces)


def test_a_call_that_names_no_address_gets_no_link(desk: Desk) -> None:
    assert "" == desk.attachments.link(desk.call(endpoint=""), f"{FOLDER}/tool.zip", "tool.zip")


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("ssm.eu-west-1.ostler.internal:8443", "https://ssm.eu-west-1.ostler.internal:8443"),
        ("127.0.0.1:8443", "https://127.0.0.1:8443"),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("server", "https://server"),
        ("", ""),
        ("user@server", ""),
        ("server/path", ""),
        ("server:port", ""),
        ("server\n", ""),
    ],
)
def test_a_link_leads_to_where_the_client_found_us(host: str, endpoint: str) -> None:
    assert endpoint == endpoint_of(Request("POST", "/", headers={"host": host}))
    plain = endpoint_of(Request("POST", "/", headers={"host": host}, secure=False))
    assert endpoint.replace("https:", "http:") == plain
