"""boto3 over a whole server in this process: its requests go straight to the gateway."""

import asyncio
import io
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError

from ostler.foundation.audit import Record, find
from ostler.server.compose import House, compose
from ostler.server.settings import Settings
from ostler.wire.http import Request, Response
from tests.support.databases import fresh_database

R = TypeVar("R")

ENDPOINT = "https://ostler.example.org"


class _Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.getvalue()


class Door:
    """A server without sockets, and clients for it. What happens by itself does not happen."""

    def __init__(self, house: House, runner: asyncio.Runner) -> None:
        self.house = house
        self._runner = runner
        pair = house.administrator
        self.account = pair.account
        self.administrator = {
            "AccessKeyId": pair.access_key,
            "SecretAccessKey": pair.secret_key,
        }

    def client(
        self,
        service: str,
        keys: dict[str, Any] | None = None,
        *,
        session: boto3.Session | None = None,
        **changed: Any,
    ) -> Any:
        """A boto3 client of whoever has these keys, by default of the administrator."""
        keys = keys or self.administrator
        given = {
            "endpoint_url": ENDPOINT,
            "region_name": "us-east-1",
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys.get("SessionToken"),
            "config": Config(retries={"total_max_attempts": 1}),
        }
        client = (session or boto3.Session()).client(service, **(given | changed))
        client.meta.events.register("before-send", self._answer)
        return client

    def answer(self, request: Request) -> Response:
        """What the server says to one request."""
        return self._runner.run(self.house.gateway.answer(request))

    def do(self, work: Coroutine[Any, Any, R]) -> R:
        """Have the server do something that otherwise happens by itself."""
        return self._runner.run(work)

    def records(self, action: str) -> Sequence[Record]:
        """What the audit log has of an action, the oldest first."""
        self._runner.run(self.house.audit.write_down())
        look = partial(find, account=self.account, action=action)
        return self._runner.run(self.house.storage.read(None, look))

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        body = request.body or b""
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        asked = Request(
            request.method,
            url.path or "/",
            url.query,
            {"host": url.netloc, **headers},
            body.encode() if isinstance(body, str) else body,
            peer="127.0.0.1",
        )
        answer = self.answer(asked)
        return AWSResponse(
            request.url, answer.status, HeadersDict(answer.headers), _Raw(answer.body)
        )


def with_extensions() -> boto3.Session:
    """A session that knows our own operations, as docs/reference/extensions.md says."""
    session = boto3.Session()
    folder = resources.files("ostler.wire") / "models" / "extensions"
    session._loader.search_paths.append(str(folder))
    return session


def refusal(call: Any, /, **given: Any) -> tuple[str, str]:
    """Code and words with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**given)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@contextmanager
def a_door(engine: str, folder: Path, **settings: Any) -> Iterator[Door]:
    """A server over a fresh database."""
    with fresh_database(engine, ()) as url, asyncio.Runner() as runner:
        house = runner.run(compose(Settings(data=folder, database=url, **settings)))
        try:
            yield Door(house, runner)
        finally:
            house.storage.close()
