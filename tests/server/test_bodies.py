"""Bodies: whose are read, and how much of them is in memory at once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ostler.foundation.clock import ManualClock
from ostler.relay.room import SMALL, NoRoom, Room
from ostler.server.compose import House, compose
from ostler.server.settings import Settings
from ostler.wire import sigv4
from ostler.wire.http import Request

LARGE = json.dumps({"Name": "a", "Value": "v" * SMALL}).encode()
HOST = "localhost"


class Sender:
    """Sends one request to a server's front, and sees how much of its body is read."""

    def __init__(self, house: House, clock: ManualClock) -> None:
        self.house = house
        self.clock = clock
        self.read = 0

    def request(self, key: str, secret: str, target: str = "PutParameter") -> Request:
        headers = {
            "host": HOST,
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AmazonSSM.{target}",
        }
        return sigv4.sign(
            Request("POST", "/", "", headers, LARGE),
            access_key=key,
            secret=secret,
            region="us-east-1",
            service="ssm",
            at=self.clock.now(),
        )

    async def send(self, request: Request, *, promise: bool = True) -> tuple[int, Any]:
        headers: Mapping[str, str] = {
            **request.headers,
            **(
                {"content-length": str(len(request.body))}
                if promise
                else {"transfer-encoding": "chunked"}
            ),
        }
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "scheme": "https",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.7", 40000),
        }
        said: list[Any] = []

        async def receive() -> Any:
            self.read += len(request.body)
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(event: Any) -> None:
            said.append(event)

        await self.house.front(scope, receive, send)
        return said[0]["status"], json.loads(said[1]["body"])

    @property
    def good(self) -> tuple[str, str]:
        pair = self.house.administrator
        return pair.access_key, pair.secret_key


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def a_sender(data: Path, clock: ManualClock) -> Sender:
    return Sender(await compose(Settings(data=data), clock=clock), clock)


@pytest.mark.parametrize("promise", [True, False])
async def test_a_large_body_is_read_for_those_who_have_a_key(
    promise: bool, tmp_path: Path, clock: ManualClock
) -> None:
    sender = await a_sender(tmp_path, clock)

    unknown = await sender.send(sender.request("AKIANOBODYNOBODYNOBO", "x"), promise=promise)
    unread = sender.read
    status, told = await sender.send(sender.request(*sender.good), promise=promise)

    assert (400, "UnrecognizedClientException", 0) == (unknown[0], unknown[1]["__type"], unread)
    assert (400, "ValidationException") == (status, told["__type"])  # its value is too long
    sender.house.storage.close()


async def test_a_large_body_for_no_operation_is_not_read(
    tmp_path: Path, clock: ManualClock
) -> None:
    sender = await a_sender(tmp_path, clock)

    status, told = await sender.send(sender.request(*sender.good, target="Nothing"))

    assert (400, "UnknownOperationException", 0) == (status, told["__type"], sender.read)
    sender.house.storage.close()


def test_room_is_for_all_connections_together() -> None:
    room = Room(3 * SMALL)

    with room.taken(2 * SMALL):
        with pytest.raises(NoRoom), room.taken(2 * SMALL):
            pass
        with room.taken(SMALL):
            pass
    with room.taken(3 * SMALL):
        pass
