"""Signing in by OpenID Connect: the code flow with PKCE, answered on this machine's loopback."""

import base64
import hashlib
import json
import secrets
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3

PATIENCE = 300.0
"""Seconds that somebody may take to sign in."""

_PAGE = b"<!doctype html><title>ostler</title><p>You are signed in. This page can be closed."


class SignInFailed(Exception):
    """Nobody signed in; the text says why."""


class SignIn:
    """One sign-in at a provider.

    The provider's answer comes to a port of the loopback address, which is open while somebody
    waits for it. `state` proves that it is the answer to our question, `nonce` that the token was
    made for it, the verifier of PKCE that nobody else can fetch it.
    """

    def __init__(self, issuer: str, client_id: str, scopes: str, authority: Path | None) -> None:
        context = ssl.create_default_context()
        if authority is not None:
            context.load_verify_locations(authority)
        self._http = urllib3.PoolManager(ssl_context=context, retries=False, timeout=15.0)
        self._issuer = issuer
        self._client_id = client_id
        self._scopes = scopes
        self._state = secrets.token_urlsafe(24)
        self._nonce = secrets.token_urlsafe(24)
        self._verifier = secrets.token_urlsafe(48)
        self._answers: list[Mapping[str, str]] = []
        self._answered = threading.Event()
        self._redirect = ""
        self._endpoints = self._json(
            "GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        if self._endpoints.get("issuer") != issuer:
            raise SignInFailed(f"{issuer} says that it is {self._endpoints.get('issuer')}.")

    @contextmanager
    def waiting(self) -> Iterator[str]:
        """Listen for the provider's answer; the address at which to sign in."""
        server = HTTPServer(("127.0.0.1", 0), self._handler())
        self._redirect = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self._address()
        finally:
            server.shutdown()
            server.server_close()

    def token(self, client_secret: str = "") -> tuple[str, dict[str, Any]]:
        """The ID token and its claims, once somebody has signed in.

        Some providers want a secret even of a program, which cannot keep one.
        """
        if not self._answered.wait(PATIENCE):
            raise SignInFailed("Nobody signed in within five minutes.")
        answer = self._answers[0]
        if "error" in answer:
            raise SignInFailed(answer.get("error_description") or answer["error"])
        given = self._json(
            "POST",
            self._endpoint("token_endpoint"),
            {
                "grant_type": "authorization_code",
                "code": answer["code"],
                "redirect_uri": self._redirect,
                "client_id": self._client_id,
                "code_verifier": self._verifier,
                **({"client_secret": client_secret} if client_secret else {}),
            },
        )
        token = given.get("id_token")
        if not isinstance(token, str):
            raise SignInFailed("The provider gave no ID token.")
        # It came from the provider itself over TLS; whether its signature holds, the server says.
        claims = _claims(token)
        if claims.get("nonce") != self._nonce:
            raise SignInFailed("The provider's token was made for another sign-in.")
        return token, claims

    def _address(self) -> str:
        digest = hashlib.sha256(self._verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect,
            "scope": self._scopes,
            "state": self._state,
            "nonce": self._nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return f"{self._endpoint('authorization_endpoint')}?{urlencode(asked)}"

    def _endpoint(self, name: str) -> str:
        url = self._endpoints.get(name)
        if not isinstance(url, str):
            raise SignInFailed(f"The provider {self._issuer} names no {name}.")
        return url

    def _json(
        self, method: str, url: str, form: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        body = None if form is None else urlencode(form)
        headers = {} if form is None else {"content-type": "application/x-www-form-urlencoded"}
        try:
            answer = self._http.request(method, url, body=body, headers=headers)
            told = json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, ValueError) as fault:
            raise SignInFailed(f"{url} cannot be asked: {fault}") from fault
        if answer.status != 200 or not isinstance(told, dict):
            why = told.get("error_description", "") if isinstance(told, dict) else ""
            raise SignInFailed(f"{url} answers with status {answer.status}. {why}".strip())
        return told

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        signin = self

        class Answer(BaseHTTPRequestHandler):
            """Takes the provider's answer, once."""

            def do_GET(self) -> None:
                given = {
                    name: each[0] for name, each in parse_qs(urlsplit(self.path).query).items()
                }
                ours = secrets.compare_digest(given.get("state", ""), signin._state)
                good = ours and ("code" in given or "error" in given)
                self.send_response(200 if good else 400)
                self.send_header("content-type", "text/html")
                self.end_headers()
                if good:
                    self.wfile.write(_PAGE)
                    signin._answers.append(given)
                    signin._answered.set()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                return None

        return Answer


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    try:
        text = parts[1] + "=" * (-len(parts[1]) % 4)
        told = json.loads(base64.urlsafe_b64decode(text))
    except (IndexError, ValueError) as fault:
        raise SignInFailed("The provider's ID token cannot be read.") from fault
    if not isinstance(told, dict):
        raise SignInFailed("The provider's ID token cannot be read.")
    return told
