"""Requests written by hand, for what no client would send."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ostler.foundation.clock import SystemClock
from ostler.wire import sigv4
from ostler.wire.http import Request
from tests.support.processes import ServerProcess


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the body, and the error's code if there is one."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body or b"{}")
        return told

    @property
    def code(self) -> str:
        told = self.value.get("__type") or self.headers.get("x-amzn-errortype", "")
        return str(told).rpartition("#")[2]

    @property
    def message(self) -> str:
        told = self.value
        return str(told.get("message") or told.get("Message") or "")


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes signed requests to a server, as the administrator unless given another key."""

    server: ServerProcess
    access_key: str = ""
    secret: str = ""
    token: str | None = None
    region: str = ""

    def request(
        self, operation: str, body: bytes | Mapping[str, Any], *, prefix: str = "AmazonSSM"
    ) -> Request:
        """A request in AWS JSON 1.1, not signed yet."""
        headers = {
            "host": self._host,
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{prefix}.{operation}",
        }
        written = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Request("POST", "/", "", headers, written)

    def signed(
        self, request: Request, *, service: str = "ssm", at: datetime | None = None
    ) -> Request:
        """The request with the signature of whoever holds the pen."""
        told = self.server.environment
        return sigv4.sign(
            request,
            access_key=self.access_key or told["AWS_ACCESS_KEY_ID"],
            secret=self.secret or told["AWS_SECRET_ACCESS_KEY"],
            session_token=self.token,
            region=self.region or told["AWS_REGION"],
            service=service,
            at=at or SystemClock().now(),
        )

    def send(self, request: Request) -> Answer:
        """Send it as it is."""
        told = self.server.environment
        url = urlsplit(told["AWS_ENDPOINT_URL"])
        trust = ssl.create_default_context(cafile=told["AWS_CA_BUNDLE"])
        line = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=30, context=trust)
        target = request.path + (f"?{request.query}" if request.query else "")
        try:
            line.request(request.method, target, request.body, dict(request.headers))
            answer = line.getresponse()
            return Answer(
                answer.status,
                answer.read(),
                {name.lower(): value for name, value in answer.getheaders()},
            )
        finally:
            line.close()

    def ask(self, operation: str, body: bytes | Mapping[str, Any], **given: Any) -> Answer:
        """Sign and send one call."""
        prefix = given.pop("prefix", "AmazonSSM")
        return self.send(self.signed(self.request(operation, body, prefix=prefix), **given))

    @property
    def _host(self) -> str:
        return urlsplit(self.server.environment["AWS_ENDPOINT_URL"]).netloc
