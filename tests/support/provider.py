"""A provider of OpenID Connect as a real process, and people who sign in there."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3

from tests.support.processes import environment, eventually

CLIENT_SECRET = "any"
"""The provider wants one, and takes every one."""

_http = urllib3.PoolManager(retries=False)


class ProviderProcess:
    """Where people sign in by their name alone."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"

    def sign_in(self, address: str, name: str) -> str:
        """Sign in at the address to which a browser was sent; whither it is sent then."""
        answer = _http.request(
            "POST", address, fields={"sub": name}, encode_multipart=False, redirect=False
        )
        assert answer.status == 302, answer.data
        return str(answer.headers["location"])

    def token(self, name: str, client_id: str = "ostler") -> str:
        """The ID token of somebody who has signed in."""
        there = "http://127.0.0.1:9/"
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": there,
            "scope": "openid profile email",
        }
        back = self.sign_in(f"{self.issuer}/oauth2/authorize?{urlencode(asked)}", name)
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(back).query)["code"][0],
            "redirect_uri": there,
            "client_id": client_id,
            "client_secret": CLIENT_SECRET,
        }
        url = f"{self.issuer}/oauth2/token"
        answer = _http.request("POST", url, fields=form, encode_multipart=False)
        return str(json.loads(answer.data)["id_token"])


@contextmanager
def a_provider(people: Sequence[Mapping[str, Any]]) -> Iterator[ProviderProcess]:
    """A provider that knows these people by their claims."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--host", "127.0.0.1"]
    command += ["--port", str(port)]
    for claims in people:
        command += ["--user-claims", json.dumps(claims)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment())
    try:
        eventually("the provider", lambda: _is_there(port))
        yield ProviderProcess(port)
    finally:
        process.terminate()
        process.wait()


def _is_there(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
