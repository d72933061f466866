"""ASGI in front of the doors: requests become wire values, channels go to the relay."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from ostler.gateway.app import Gateway
from ostler.wire.http import Request, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 8 * 1024 * 1024
"""No modelled request is larger; what is, is refused before it is read."""


class Front:
    """The one ASGI application of the server."""

    def __init__(self, gateway: Gateway, relay: App, *, region: str, ca: Path | None) -> None:
        self._gateway = gateway
        self._relay = relay
        self._health = json.dumps({"status": "ok", "region": region}).encode()
        self._ca = ca

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket" or scope["path"].startswith("/v1/"):
            await self._relay(scope, receive, send)
        elif scope["type"] == "http":
            await _respond(send, await self._answer(scope, receive))

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        if scope["method"] in ("GET", "HEAD"):
            match scope["path"]:
                case "/health":
                    return Response(200, {"content-type": "application/json"}, self._health)
                case "/ca.pem" if self._ca is not None:
                    kind = {"content-type": "application/x-pem-file"}
                    return Response(200, kind, self._ca.read_bytes())
        body = await read_body(receive, MOST_BYTES)
        if body is None:
            return Response(413, {"content-type": "text/plain"}, b"The request is too large.\n")
        return await self._gateway.answer(request_of(scope, body))


def request_of(scope: Scope, body: bytes) -> Request:
    """The request inside an ASGI scope; header lines of one name are joined by a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope.get("method", "GET"),
        path=raw_path.decode("latin-1").partition("?")[0],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        peer=scope["client"][0] if scope.get("client") else "",
        secure=scope["scheme"] in ("https", "wss"),
    )


async def read_body(receive: Receive, most: int) -> bytes | None:
    """The whole body, or None when it is larger than `most` bytes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _respond(send: Send, response: Response) -> None:
    headers = [
        (name.lower().encode(), str(value).encode("latin-1", "replace"))
        for name, value in response.headers.items()
    ]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
