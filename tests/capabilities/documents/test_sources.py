"""Sources on the web: what is read, and where the server does not let itself be sent."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

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


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of the site while it is open."""
    server = HTTPServer(("127.0.0.1", 0), Site)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving() as port:
        yield f"http://127.0.0.1:{port}"


def certificate(folder: Path) -> Path:
    """A certificate for localhost, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "localhost.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_https_is_checked_against_the_name(
    scope: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    web = Web(["localhost", "127.0.0.1"])
    with serving(context) as port:
        with pytest.raises(Unfetched, match="CERTIFICATE_VERIFY_FAILED"):
            await web.fetch(scope, f"https://localhost:{port}/file?x=1", 100)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(Unfetched, match=r"127\.0\.0\.1"):
            await web.fetch(scope, f"https://127.0.0.1:{port}/file?x=1", 100)

        assert b"content" == await web.fetch(scope, f"https://localhost:{port}/file?x=1", 100)


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
