"""Attachments of documents: links to them, and the files themselves for whoever brings a link.

Agents fetch attachments without a signature, so the link is the permission. Its token is a seal
over one blob, the name that it is shown under, and the time until when it is good: no server
keeps the links it made, and a link tells nothing of where the file lies.
"""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

import msgspec
import structlog

from ostler.foundation.blobs import BlobNotFound, Blobs
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.secrets import SealBroken, Sealed, Secrets
from ostler.grammar.ranges import Part, part_of
from ostler.relay.asgi import Event, Receive, Send, request_of, respond, stream
from ostler.wire.http import Request, Response

PATH = "/v1/attachments/"
LIFE = timedelta(minutes=15)
_CONTEXT = "attachment link"
_LONGEST_TOKEN = 4096

log = structlog.get_logger()


class Permit(msgspec.Struct, frozen=True, array_like=True):
    """What a link is good for; `request_id` leads to the call that it was made for."""

    key: str
    name: str
    expires: datetime
    request_id: str


class Refused(Exception):
    """There is no file for this request; the text is for whoever made it."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


class Attachments:
    """Makes links to attachments, and answers to them as an ASGI application."""

    def __init__(self, blobs: Blobs, secrets: Secrets, clock: Clock) -> None:
        self._blobs = blobs
        self._secrets = secrets
        self._clock = clock

    def link(self, call: Call, key: str, name: str) -> str:
        """A URL of the blob under the address that `call` came to; empty if it names none."""
        if not call.endpoint:
            return ""
        permit = Permit(key, name, self._clock.now() + LIFE, call.request_id)
        sealed = self._secrets.seal(msgspec.msgpack.encode(permit), _CONTEXT)
        token = base64.urlsafe_b64encode(sealed.data).decode().rstrip("=")
        return f"{call.endpoint}{PATH}{token}/{quote(name, safe='')}"

    @staticmethod
    def serves(path: str) -> bool:
        """Whether `path` is that of a link."""
        return path.startswith(PATH)

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        request = request_of(scope)
        try:
            if request.method not in ("GET", "HEAD"):
                raise Refused(405, "A link is good for GET and HEAD.", allow="GET, HEAD")
            permit = self._permit(request.path)
            part = _part(request, await self._size(permit))
        except Refused as refusal:
            log.warning("attachment_refused", peer=request.peer, reason=refusal.reason)
            await respond(send, _answer(refusal))
            return
        told = {"blob": permit.key, "peer": request.peer, "link_of_request": permit.request_id}
        log.info("attachment_asked_for", method=request.method, start=part.start, **told)
        answer = _answer_with(permit, part)
        if request.method == "HEAD":
            await respond(send, answer)
            return
        pieces = self._blobs.stream(permit.key, part.start, part.end)
        try:
            whole = await stream(receive, send, replace(answer, stream=pieces))
        except BlobNotFound:
            whole = False
        if not whole:
            log.warning("attachment_cut_off", **told)

    def _permit(self, path: str) -> Permit:
        token, _, name = path.removeprefix(PATH).partition("/")
        try:
            if len(token) > _LONGEST_TOKEN:
                raise SealBroken("it is longer than any of ours")
            data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            permit = msgspec.msgpack.decode(self._secrets.open(Sealed(data), _CONTEXT), type=Permit)
        except (ValueError, SealBroken, msgspec.MsgspecError) as fault:
            raise Refused(403, "This is not a link of this server.") from fault
        if unquote(name) != permit.name:
            raise Refused(403, "The link belongs to a file of another name.")
        if permit.expires <= self._clock.now():
            raise Refused(
                403,
                f"The link was good until {permit.expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}; "
                "GetDocument gives a new one.",
            )
        return permit

    async def _size(self, permit: Permit) -> int:
        try:
            return await self._blobs.size(permit.key)
        except BlobNotFound as fault:
            raise Refused(404, f"{permit.name} was deleted with its document.") from fault


def _part(request: Request, size: int) -> Part:
    """What the request wants of a file of `size` bytes."""
    part = part_of(request.headers.get("range", ""), size)
    if part is None:
        range_of_all = f"bytes */{size}"
        raise Refused(416, f"The file has {size} bytes.", **{"content-range": range_of_all})
    return part


def _answer_with(permit: Permit, part: Part) -> Response:
    headers = {
        "content-type": "application/octet-stream",
        "content-length": str(part.end - part.start),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(permit.name, safe='')}",
        "accept-ranges": "bytes",
        "cache-control": "private, no-store",
        "x-content-type-options": "nosniff",
    }
    if not part.whole:
        headers["content-range"] = part.told
    return Response(200 if part.whole else 206, headers)


def _answer(refusal: Refused) -> Response:
    headers = {"content-type": "text/plain; charset=utf-8", **refusal.headers}
    return Response(refusal.status, headers, f"{refusal.reason}\n".encode())
