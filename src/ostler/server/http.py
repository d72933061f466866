"""ASGI in front of the doors: API calls go to the gateway, channels and files to the relay."""

import json
from dataclasses import replace

import structlog

from ostler.gateway.app import Gateway
from ostler.gateway.watching import Watching
from ostler.relay.app import Relay
from ostler.relay.asgi import (
    BodyTooLarge,
    Disconnected,
    Event,
    Incoming,
    Receive,
    Send,
    promised_size,
    read_body,
    request_of,
    respond,
    stream,
)
from ostler.relay.attachments import Attachments
from ostler.relay.room import SMALL, NoRoom, Room
from ostler.server.pages import Pages
from ostler.wire.http import Request, Response

log = structlog.get_logger()

MOST_BYTES = 8 * 1024 * 1024
"""No modelled request is larger; what is, is refused before it is read."""
MOST_UNSIGNED_BYTES = SMALL
"""The same for those who do not even say who they are: a registration has one or two thousand."""


class Front:
    """The one ASGI application of the server."""

    def __init__(
        self,
        gateway: Gateway,
        watching: Watching,
        relay: Relay,
        attachments: Attachments,
        pages: Pages,
        room: Room,
    ) -> None:
        self._room = room
        self._answers = Room()
        self._gateway = gateway
        self._watching = watching
        self._relay = relay
        self._attachments = attachments
        self._pages = pages

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" or self._relay.serves(scope["path"]):
            await self._relay(scope, receive, send)
        elif scope["type"] == "http" and self._attachments.serves(scope["path"]):
            await self._attachments(scope, receive, send)
        elif scope["type"] == "http":
            try:
                response = await self._answer(scope, receive)
            except Disconnected:
                return
            if response.stream is None:
                await self._respond(send, response)
            elif not await stream(receive, send, response):
                log.info("answer_cut_off", path=scope["path"])

    async def _respond(self, send: Send, response: Response) -> None:
        """Send the answer, for which there must be room until it has been taken."""
        try:
            with self._answers.taken(len(response.body)):
                await respond(send, response)
        except NoRoom:
            await respond(send, _told(503, "ThrottlingException", "Too many large answers."))

    async def _answer(self, scope: Event, receive: Receive) -> Response:
        """A page, which needs neither signature nor link, or the gateway's answer."""
        if scope["method"] in ("GET", "HEAD"):
            page = await self._pages.find(scope["path"])
            if page is not None:
                return page
            if self._watching.serves(scope["path"]):
                return await self._watching.answer(request_of(scope))
        signed = _is_signed(scope)
        if signed and scope["method"] in ("PUT", "POST"):
            request = request_of(scope)
            if self._gateway.takes_stream(request):
                return await self._answer_to_stream(request, Incoming(receive))
        most = MOST_BYTES if signed else MOST_UNSIGNED_BYTES
        size = promised_size(scope)
        if size is None:
            size = most
        if SMALL < size <= most:
            refusal = await self._gateway.refused_unread(request_of(scope))
            if refusal is not None:
                return refusal
        try:
            with self._room.taken(min(size, most)):
                body = await read_body(scope, receive, most)
                return await self._gateway.answer(request_of(scope, body))
        except BodyTooLarge:
            return _told(413, "RequestEntityTooLarge", f"A request has at most {most} bytes.")
        except NoRoom:
            return _told(503, "ThrottlingException", "Too many large requests at once.")

    async def _answer_to_stream(self, request: Request, body: Incoming) -> Response:
        response = await self._gateway.answer(replace(request, stream=body))
        if body.ended:
            return response
        # Who waited to be told to continue will not send what was not taken; who did not wait is
        # sending it. Neither way can another request follow on this connection.
        return replace(response, headers={**response.headers, "connection": "close"})


def _is_signed(scope: Event) -> bool:
    """Whether the request has a signature, good or bad."""
    query: bytes = scope["query_string"]
    if b"X-Amz-Signature=" in query or b"AWSAccessKeyId=" in query:
        return True
    return any(name == b"authorization" for name, _ in scope["headers"])


def _told(status: int, code: str, message: str) -> Response:
    # Said before anybody knows the protocol: AWS JSON has the error in the body, REST-JSON in a
    # header.
    told = {"__type": code, "message": message}
    headers = {"content-type": "application/json", "x-amzn-errortype": code}
    return Response(status, headers, json.dumps(told).encode())
