"""Calls: what the agent asks the server, and what the answers mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from ostler.agent import NAME, VERSION
from ostler.agent.network import Network
from ostler.foundation.clock import Clock
from ostler.wire import sigv4
from ostler.wire.http import Request, Response

SSM = "ssm"
EC2_MESSAGES = "ec2messages"
_TARGETS = {SSM: "AmazonSSM", EC2_MESSAGES: "EC2WindowsMessageDeliveryService"}

# The codes by which a server says that temporary credentials are of no use any more.
_STALE = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    }
)


class Refused(Exception):
    """The server said no: `code` is the error's name, the text is the server's."""

    def __init__(
        self, status: int, code: str, message: str, members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code or status}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.members = members or {}


@dataclass(frozen=True, slots=True)
class Token:
    """Temporary credentials."""

    access_key: str
    secret: str
    session_token: str


class Credentials(Protocol):
    """Where the credentials of the hour come from."""

    async def token(self) -> Token:
        """Credentials that are good now; waits for them as long as it takes."""
        ...

    def refused(self, token: Token) -> None:
        """The server does not take that token (any more)."""
        ...


class Calls:
    """Requests to the server, signed with the node's credentials of the hour."""

    def __init__(
        self,
        network: Network,
        credentials: Credentials,
        clock: Clock,
        *,
        authority: str,
        region: str,
        node: str,
    ) -> None:
        self._network = network
        self._credentials = credentials
        self._clock = clock
        self._authority = authority
        self.region = region
        self.node = node

    async def ask(
        self, operation: str, given: Mapping[str, Any], *, service: str = SSM
    ) -> dict[str, Any]:
        """Call an operation of a JSON service; Refused, NetworkFault."""
        answer = await self.send(json_request(service, operation, given), service=service)
        return read_answer(answer)

    async def send(self, request: Request, *, service: str) -> Response:
        """Sign and send a request, whatever the answer; NetworkFault when there is none."""
        token = await self._credentials.token()
        answer = await self._network.send(self._signed(request, service, token))
        if answer.status in (400, 401, 403) and error_code(answer) in _STALE:
            self._credentials.refused(token)
        return answer

    async def signed(self, request: Request, *, service: str) -> Request:
        """The request, ready to be sent by other means."""
        return self._signed(request, service, await self._credentials.token())

    def _signed(self, request: Request, service: str, token: Token) -> Request:
        headers = {"host": self._authority, **request.headers}
        return sigv4.sign(
            Request(request.method, request.path, request.query, headers, request.body),
            access_key=token.access_key,
            secret=token.secret,
            session_token=token.session_token,
            region=self.region,
            service=service,
            at=self._clock.now(),
        )


def json_request(service: str, operation: str, given: Mapping[str, Any]) -> Request:
    """The request that calls an operation, not signed yet."""
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"{_TARGETS[service]}.{operation}",
        "user-agent": f"{NAME}/{VERSION}",
    }
    return Request("POST", "/", "", headers, msgspec.json.encode(given))


def read_answer(answer: Response) -> dict[str, Any]:
    """What a JSON service answered; Refused when it is an error or nothing that can be read."""
    if answer.status == 200:
        try:
            return msgspec.json.decode(answer.body or b"{}", type=dict[str, Any])
        except msgspec.MsgspecError as fault:
            raise Refused(200, "", f"The answer is not JSON: {fault}") from fault
    raise Refused(answer.status, error_code(answer), _error_message(answer), _members(answer))


def error_code(answer: Response) -> str:
    """The name of the error that an answer tells of."""
    told = answer.headers.get("x-amzn-errortype", "") or _members(answer).get("__type", "")
    return str(told).split(":")[0].rpartition("#")[2]


def _error_message(answer: Response) -> str:
    members = _members(answer)
    message = members.get("message") or members.get("Message")
    return str(message) if message else answer.body[:500].decode(errors="replace")


def _members(answer: Response) -> dict[str, Any]:
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
