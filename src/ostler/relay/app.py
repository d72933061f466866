"""The agents' door: control channels, data channels and whole output, as a bare ASGI application.

Every request is signed with a node's own credentials, and opens only what is that node's.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

import structlog

from ostler.foundation.authentication import Authentication
from ostler.foundation.call import Call, Caller, NoTags, ResourceTags, context_of
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException, ApiError, NotYetImplemented
from ostler.foundation.ids import Ids, NodeId
from ostler.foundation.storage import Scope
from ostler.relay import output
from ostler.relay.asgi import (
    BodyTooLarge,
    Disconnected,
    Event,
    Receive,
    Send,
    WebSocket,
    promised_size,
    read_body,
    request_of,
    respond,
)
from ostler.relay.control_channel import ControlChannel
from ostler.relay.mailbox import Mailbox
from ostler.relay.ports import Limits, Output, Presence, Trail
from ostler.relay.replies import Collector
from ostler.relay.room import SMALL, NoRoom, Room
from ostler.relay.tokens import ChannelTokens
from ostler.wire.agent import channels, jobs
from ostler.wire.agent.channels import OpenControlChannel
from ostler.wire.agent.frames import LARGEST_FRAME, BrokenFrame
from ostler.wire.agent.jobs import BrokenMessage
from ostler.wire.http import Request, Response

log = structlog.get_logger()

LARGEST_TOKEN_REQUEST = 16 * 1024
FIRST_MESSAGE_WITHIN = 15.0
PARTING_WITHIN = 5.0

PROTOCOL_ERROR = 1002
NOT_ACCEPTABLE = 1003
POLICY_VIOLATION = 1008
TOO_BIG = 1009

_STATUS: Mapping[str, int] = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "UnrecognizedClientException": 403,
    "MethodNotAllowed": 405,
    "RequestEntityTooLarge": 413,
    "ThrottlingException": 429,
    "UnknownOperationException": 404,
    "NotYetImplemented": 501,
    "ServiceUnavailable": 503,
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the door stands in.

    With `control_channel` off, control channels are refused in the way that makes the stock
    agent poll for its messages instead.
    """

    clock: Clock
    ids: Ids
    resource_tags: ResourceTags = field(default_factory=NoTags)
    control_channel: bool = True


class Relay:
    """Serves the paths of `serves`; everything else is somebody else's."""

    def __init__(
        self,
        authentication: Authentication,
        tokens: ChannelTokens,
        mailbox: Mailbox,
        collector: Collector,
        surroundings: Surroundings,
        *,
        presence: Presence,
        output: Output,
        trail: Trail,
        limits: Limits,
        room: Room,
    ) -> None:
        self._authentication = authentication
        self._tokens = tokens
        self._mailbox = mailbox
        self._collector = collector
        self._around = surroundings
        self._presence = presence
        self._output = output
        self._trail = trail
        self._limits = limits
        self._room = room

    @staticmethod
    def serves(path: str) -> bool:
        """Whether `path` is one of an agent's channels."""
        return path.startswith((channels.CONTROL_CHANNEL, channels.DATA_CHANNEL, channels.OUTPUT))

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            with suppress(Disconnected):
                await respond(send, await self._answer(scope, receive))

    # Requests.

    async def _answer(self, scope: Event, receive: Receive) -> Response:
        path = scope["raw_path"].decode("latin-1")
        most = (
            channels.LARGEST_OUTPUT if path.startswith(channels.OUTPUT) else LARGEST_TOKEN_REQUEST
        )
        request = request_of(scope)
        size = promised_size(scope)
        if size is None:
            size = most
        try:
            if SMALL < size <= most:
                await self._authentication.known(request, channels.SERVICE)
            with self._room.taken(min(size, most)):
                request = request_of(scope, await read_body(scope, receive, most))
                if path.startswith(channels.CONTROL_CHANNEL):
                    return await self._token(request)
                if path.startswith(channels.DATA_CHANNEL):
                    return await self._data_channel(request)
                if path.startswith(channels.OUTPUT):
                    return await self._whole_output(request)
                return _refused(request, "UnknownOperationException", "There is no such channel.")
        except BodyTooLarge:
            return _refused(request, "RequestEntityTooLarge", f"The body may have {most} bytes.")
        except NoRoom:
            return _refused(request, "ServiceUnavailable", "Too much is being brought at once.")
        except ApiError as refusal:
            return _refused(request, refusal.code, refusal.message)

    async def _token(self, request: Request) -> Response:
        if request.method != "POST":
            return _method_not_allowed(request, "POST")
        call, _ = await self._admit(request, "CreateControlChannel")
        if not self._around.control_channel:
            raise AccessDeniedException("Control channels are switched off; poll for messages.")
        token = self._tokens.issue(call.scope, call.caller)
        return Response(201, _XML, channels.token_answer(token))

    async def _data_channel(self, request: Request) -> Response:
        if request.method != "POST":
            return _method_not_allowed(request, "POST")
        await self._authenticate(request)
        raise NotYetImplemented("Sessions, and with them data channels, are not served yet.")

    async def _whole_output(self, request: Request) -> Response:
        if request.method not in {"PUT", "GET", "HEAD"}:
            return _method_not_allowed(request, "PUT, GET, HEAD")
        # Whoever is let into the control channel may bring what its jobs put out.
        call = await self._call(request, "OpenControlChannel")
        self._limits.admit_output(call.caller)
        node = await self._allow(call, call.caller.node)
        return await output.answer(request, call, node, self._output)

    # Control channels.

    async def _websocket(self, scope: Event, receive: Receive, send: Send) -> None:
        await receive()
        request = request_of(scope)
        try:
            if not request.path.startswith(channels.CONTROL_CHANNEL):
                await self._authenticate(request)
                raise NotYetImplemented("Data channels are not served yet.")
            call, node = await self._admit(request, "OpenControlChannel")
            if not self._around.control_channel:
                raise AccessDeniedException("Control channels are switched off.")
        except ApiError as refusal:
            answer = _refused(request, refusal.code, refusal.message)
            await respond(send, answer, to="websocket.http")
            return
        await send({"type": "websocket.accept"})
        socket = WebSocket(send)
        try:
            await self._converse(receive, socket, call, node)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(PARTING_WITHIN):
                    await socket.sent()

    async def _converse(
        self, receive: Receive, socket: WebSocket, call: Call, node: NodeId
    ) -> None:
        """Everything between the opening of a connection and its end."""
        if not await self._opened(receive, socket, call):
            return
        where = call.scope
        channel = ControlChannel(
            socket,
            where,
            node,
            mailbox=self._mailbox,
            collector=self._collector,
            clock=self._around.clock,
            ids=self._around.ids,
            foreign=lambda job: self._note(call, "AccessDeniedException", f"job {job} is foreign"),
        )
        self._mailbox.attach(where, node, channel)
        log.info("control_channel_opened", node_id=node)
        try:
            await self._presence.connected(where, node)
            await self._mailbox.collect(where, node)
            refused = await _listen(receive, channel)
            if refused is not None:
                code, reason = refused
                log.warning("frame_refused", node_id=node, code=code, reason=reason)
                self._note(call, "BrokenFrame", reason)
                socket.close(code, reason)
        finally:
            if self._mailbox.detach(where, node, channel):
                log.info("control_channel_closed", node_id=node)
                await self._presence.disconnected(where, node)
                if self._mailbox.has_channel(where, node):
                    # It came back meanwhile, and that must be the last that is told.
                    await self._presence.connected(where, node)

    async def _opened(self, receive: Receive, socket: WebSocket, call: Call) -> bool:
        """Whether the first message came in time and carried a good token."""
        try:
            async with asyncio.timeout(FIRST_MESSAGE_WITHIN):
                event = await receive()
            if event["type"] == "websocket.disconnect":
                return False
            opening = jobs.decode(
                event.get("text") or event.get("bytes") or b"", OpenControlChannel
            )
        except (TimeoutError, BrokenMessage) as fault:
            outcome = "BrokenMessage"
            reason = str(fault) or "the first message did not come in time"
        else:
            if await self._tokens.redeem(opening.token_value, call.scope, call.caller):
                return True
            outcome = "InvalidToken"
            reason = "the token is not this node's, or was used, or is too old"
        log.warning("control_channel_refused", node_id=call.caller.node, reason=reason)
        self._note(call, outcome, reason)
        socket.close(POLICY_VIOLATION, reason)
        return False

    # Who may.

    async def _authenticate(self, request: Request) -> tuple[Caller, Scope]:
        return await self._authentication.sigv4(request, channels.SERVICE)

    async def _admit(self, request: Request, action: str) -> tuple[Call, NodeId]:
        """The node that the path of `request` names, if it is the one that calls."""
        call = await self._call(request, action)
        self._limits.admit(call.caller, call.action)
        named = unquote(request.path.removeprefix(channels.CONTROL_CHANNEL))
        return call, await self._allow(call, NodeId(named))

    async def _call(self, request: Request, action: str) -> Call:
        """Whoever signed `request`, who wants to do `action`."""
        caller, where = await self._authenticate(request)
        return Call(
            where,
            caller,
            self._around.ids.uuid(),
            f"{channels.SERVICE}:{action}",
            self._around.clock.now(),
            resource_tags=self._around.resource_tags,
            context=context_of(request),
        )

    async def _allow(self, call: Call, node: NodeId | None) -> NodeId:
        """`node`, if the caller is that node and its role lets it do what it wants."""
        arn = call.arn("managed-instance", node or "*")
        try:
            await call.allow(arn)
            if node is None or call.caller.node != node:
                raise AccessDeniedException(
                    f"User: {call.caller.arn} is not authorized to perform: {call.action} "
                    f"on resource: {arn} because only the node itself may"
                )
        except AccessDeniedException as refusal:
            self._note(call, refusal.code, refusal.message)
            raise
        return node

    def _note(self, call: Call, outcome: str, reason: str) -> None:
        """Have the refusal in the audit log; what is allowed is in the server's log alone."""
        noticed = replace(call, at=self._around.clock.now())
        self._trail.note(noticed, {"reason": reason}, outcome)


async def _listen(receive: Receive, channel: ControlChannel) -> tuple[int, str] | None:
    """Hand on what the node says until it leaves; the code and reason if it says what is none."""
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return None
        data = event.get("bytes")
        if data is None:
            return NOT_ACCEPTABLE, "only binary messages are understood"
        if len(data) > LARGEST_FRAME:
            return TOO_BIG, f"a message has at most {LARGEST_FRAME} bytes"
        try:
            channel.received(data)
        except BrokenFrame as fault:
            return PROTOCOL_ERROR, str(fault)


_XML = {"content-type": "application/xml"}


def _refused(request: Request, code: str, reason: str) -> Response:
    """The answer that says no, with the code where the stock agent looks for it."""
    log.warning(
        "request_refused",
        method=request.method,
        path=request.path,
        peer=request.peer,
        code=code,
        reason=reason,
    )
    return Response(_STATUS.get(code, 400), _XML, channels.refusal(code, reason))


def _method_not_allowed(request: Request, allowed: str) -> Response:
    answer = _refused(request, "MethodNotAllowed", f"This path takes {allowed}.")
    return replace(answer, headers={**answer.headers, "allow": allowed})
