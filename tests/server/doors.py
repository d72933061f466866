"""Asking the server's front as a web client would, without a network."""

from typing import Any

from ostler.server.http import Front
from ostler.wire.http import Response


async def get(front: Front, path: str, *, method: str = "GET", query: str = "") -> Response:
    """The answer to a request without a signature."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost")],
        "client": ("192.0.2.7", 40000),
    }
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        said.append(event)

    await front(scope, receive, send)
    start, body = said
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Response(start["status"], headers, body["body"])
