"""Watching parameters: the server's stream of changes, taken up again whenever it ends."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from ostler.cli.client import Connection
from ostler.foundation.clock import SystemClock

PATH = "/v1/parameters/watch"
PAUSE = timedelta(seconds=1)
SILENCE = 60
"""Seconds without a word after which the stream is taken up again; the server says one in 15."""


class CannotWatch(Exception):
    """The server gives no stream: the text says why."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of the stream."""

    id: str
    kind: str
    data: Mapping[str, Any]


def happenings(
    connection: Connection, path: str, *, deep: bool, since: str = ""
) -> Iterator[Happening]:
    """What happens below the path from now on, or after the event `since`."""
    last = since
    while True:
        try:
            for each in _stream(connection, path, deep, last):
                last = each.id or last
                if each.kind:
                    yield each
        except (BotocoreConnectionError, HTTPClientError, OSError):
            pass  # the way was cut, or the server is being restarted: what came last is known
        SystemClock().pause(PAUSE)


def _stream(connection: Connection, path: str, deep: bool, last: str) -> Iterator[Happening]:
    client = connection.client()
    request = AWSRequest(
        "GET",
        f"{client.meta.endpoint_url}{PATH}",
        headers={"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})},
        params={"path": path, "recursive": str(deep).lower()},
        stream_output=True,
    )
    credentials = connection.credentials()
    SigV4Auth(credentials, "ssm", client.meta.region_name).add_auth(request)
    verify = connection.authority()
    trusted: Any = str(verify) if verify else True
    session = URLLib3Session(verify=trusted, timeout=SILENCE)
    try:
        answer = session.send(request.prepare())
        if answer.status_code != 200:
            raise CannotWatch(_reason(answer))
        yield from _read(answer.raw)
    finally:
        session.close()


def _read(lines: Any) -> Iterator[Happening]:
    fields: dict[str, str] = {}
    for line in lines:
        text = line.decode().rstrip("\r\n")
        if text:
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            data = json.loads(fields.get("data") or "{}")
            yield Happening(fields.get("id", ""), fields.get("event", ""), data)
            fields = {}


def _reason(answer: Any) -> str:
    try:
        told = json.loads(answer.content)
        code = str(told["__type"]).rpartition("#")[2]
        return f"{code}: {told.get('message') or told.get('Message') or ''}"
    except (ValueError, KeyError, TypeError):
        return f"The server has no stream of changes (HTTP status {answer.status_code})."
