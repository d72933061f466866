"""Sources on the web: what is read, and where the server does not let itself be sent."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ostler.capabilities.documents import Unfetched
from ostler.capabilities.documents.service.sources import Web
from ostler.foundation.storage import Scope


class Site(BaseHTTPRequestHandler):
    """A few pages."""

    def do_GET(self) -> None:
        match self.path:
            case "/file?x=1":
                self._answer(200, b"content")
            case "/moved":
                self._answer(302, Location="/file?x=1")
            case "/round":
                self._answer(302, Location="/round")
            case "/away":
                self._answer(302, Location="http://169.254.169.254/latest/meta-data")
            case "/busy":
                self._answer(503)
            case _:
                self._answer(404)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


TRUSTING = Web(["127.0.0.*"])


@pytest.mark.parametrize("path", ["/file?x=1", "/moved"])
async def test_a_file_of_a_trusted_host_is_read(site, scope: Scope, path):
    assert b"content" == await TRUSTING.fetch(scope, site + path, 100)


@pytest.mark.parametrize(
    ("path", "message", "lasting"),
    [
        ("/none", "answers 404", True),
        ("/busy", "answers 503", False),
        ("/round", "redirects too often", True),
        ("/away", "not https", True),
    ],
)
async def test_what_cannot_be_read_says_why(site, scope: Scope, path, message, lasting):
    with pytest.raises(Unfetched, match=message) as refused:
        await TRUSTING.fetch(scope, site + path, 100)
    assert lasting is refused.value.lasting


async def test_a_file_too_large_is_left(site, scope: Scope):
    with pytest.raises(Unfetched, match="larger than 3 bytes"):
        await TRUSTING.fetch(scope, f"{site}/file?x=1", 3)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://0.0.0.0/x",
    ],
)
async def test_a_private_address_is_not_spoken_to(scope: Scope, url):
    with pytest.raises(Unfetched, match="not a public host"):
        await Web().fetch(scope, url, 100)


@pytest.mark.parametrize("url", ["http://example.com/x", "http://[", "https://a:b/x"])
async def test_only_https_and_only_urls(scope: Scope, url):
    with pytest.raises(Unfetched):
        await Web().fetch(scope, url, 100)


async def test_a_host_that_is_not_reached_is_tried_again(site, scope: Scope):
    with pytest.raises(Unfetched, match="cannot be reached") as refused:
        await TRUSTING.fetch(scope, "http://127.0.0.1:1/x", 100)
    assert not refused.value.lasting
