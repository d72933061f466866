"""TLS: what the server shows is what its clients are told to trust."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from ostler.foundation.clock import ManualClock, SystemClock
from ostler.server.certificates import (
    Certificates,
    fingerprint,
    general_name,
    machine_names,
)
from ostler.server.settings import Settings, WrongSetting

Make = Callable[..., Certificates]


@pytest.fixture
def clock() -> ManualClock:
    """A clock that begins now: OpenSSL looks at the machine's own."""
    return ManualClock(SystemClock().now())


@pytest.fixture
def make(tmp_path: Path, clock: ManualClock) -> Make:
    """Starts the server once more, on a machine of these names."""

    def make(*machine: str, **settings: object) -> Certificates:
        given = {"data": tmp_path, "region": "eu-west-1", "domain": "ostler.test", **settings}
        return Certificates.of(
            Settings(**given),  # type: ignore[arg-type]
            clock=clock,
            names=lambda: machine or ("box", "10.1.2.3"),
        )

    return make


def shown(certificates: Certificates, name: str, trusted: Path) -> x509.Certificate:
    """What a client that trusts `trusted` gets to see when it asks for `name`."""
    client_in, client_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=str(trusted)).wrap_bio(
        client_in, client_out, server_hostname=name
    )
    server = certificates.context().wrap_bio(client_out, client_in, server_side=True)
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for side in (client, server):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    der = client.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


@pytest.mark.parametrize(
    "name",
    [
        *("localhost", "127.0.0.1", "::1", "box", "10.1.2.3", "ostler.test", "further.example"),
        *("ssm.eu-west-1.ostler.test", "bucket.s3.eu-west-1.ostler.test", "10.9.9.9"),
    ],
)
def test_clients_reach_the_server_by_every_name(make: Make, name: str) -> None:
    certificates = make(host="10.9.9.9", names=("further.example",))

    for trusted in (certificates.ca_file, certificates.bundle_file):
        assert shown(certificates, name, trusted)


@pytest.mark.parametrize("name", ["other.example", "10.1.2.4", "a.b.eu-west-1.ostler.test"])
def test_other_names_are_not_vouched_for(make: Make, name: str) -> None:
    certificates = make()

    with pytest.raises(ssl.SSLCertVerificationError):
        shown(certificates, name, certificates.ca_file)


def test_nobody_is_believed_without_the_authority(make: Make, tmp_path: Path) -> None:
    other = make(data=tmp_path / "other")

    with pytest.raises(ssl.SSLCertVerificationError):
        shown(make(), "localhost", other.ca_file)


def test_a_restart_changes_nothing(make: Make, tmp_path: Path) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()}

    make()
    before = files()

    assert not make().refresh()
    assert before == files()


def test_private_keys_are_the_owners_alone(make: Make, tmp_path: Path) -> None:
    make()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "tls").iterdir()}

    assert {"ca.pem": 0o644, "ca.key": 0o600, "server.pem": 0o600, "bundle.pem": 0o644} == modes
    assert 0o700 == (tmp_path / "tls").stat().st_mode & 0o777


def test_what_the_certificate_says(make: Make, clock: ManualClock) -> None:
    certificates = make()
    server = shown(certificates, "localhost", certificates.ca_file)
    authority = x509.load_pem_x509_certificate(certificates.ca_file.read_bytes())

    assert timedelta(days=397) >= server.not_valid_after_utc - clock.now()
    assert timedelta(days=3649) <= authority.not_valid_after_utc - clock.now()
    assert fingerprint(certificates.ca_file.read_bytes()) == certificates.fingerprint
    assert 64 == len(certificates.fingerprint)


def test_a_new_name_brings_a_new_certificate(make: Make) -> None:
    first = make()
    ca = first.fingerprint

    moved = make("box", "10.7.7.7")

    assert shown(moved, "10.7.7.7", first.ca_file)
    assert ca == moved.fingerprint


def test_a_name_that_is_gone_brings_none(make: Make) -> None:
    make("box", "10.1.2.3")

    assert not make("box").refresh()


async def test_the_certificate_is_renewed_while_the_server_runs(
    make: Make, clock: ManualClock
) -> None:
    certificates = make()
    context = certificates.context()
    first = shown(certificates, "localhost", certificates.ca_file)
    await clock.advance(timedelta(days=330))
    assert not certificates.refresh()

    await clock.advance(timedelta(days=10))

    assert certificates.refresh()
    certificate = x509.load_pem_x509_certificate(
        (certificates.ca_file.parent / "server.pem").read_bytes()
    )
    assert first.not_valid_after_utc < certificate.not_valid_after_utc
    assert context is certificates.context()
    assert not certificates.refresh()


@pytest.mark.parametrize("damaged", ["server.pem", "ca.key", "ca.pem"])
@pytest.mark.parametrize("how", ["lost", "another's"])
def test_what_is_damaged_is_made_anew(make: Make, tmp_path: Path, damaged: str, how: str) -> None:
    make()
    make(data=tmp_path / "other")
    path = tmp_path / "tls" / damaged
    if how == "lost":
        path.unlink()
    else:
        path.write_bytes((tmp_path / "other" / "tls" / damaged).read_bytes())

    certificates = make()

    assert shown(certificates, "localhost", certificates.ca_file)


def test_the_bundle_does_not_grow(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the server starts in a shell that has read client.env."""
    certificates = make()
    before = certificates.bundle_file.read_bytes()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.bundle_file))

    assert before == make().bundle_file.read_bytes()
    assert certificates.ca_file.read_bytes() in before


# A certificate of the user's


@pytest.fixture
def given(make: Make, tmp_path: Path) -> dict[str, Path]:
    make("given.example", data=tmp_path / "given")
    pem = (tmp_path / "given" / "tls" / "server.pem").read_bytes()
    begin = pem.index(b"-----BEGIN CERTIFICATE")
    chain, key = tmp_path / "chain.pem", tmp_path / "chain.key"
    chain.write_bytes(pem[begin:])
    key.write_bytes(pem[:begin])
    return {"certificate": chain, "certificate_key": key}


def test_a_certificate_of_the_users_is_shown(make: Make, given: dict[str, Path]) -> None:
    ours = make()
    certificates = make(**given)

    assert shown(certificates, "given.example", certificates.ca_file)
    assert shown(certificates, "given.example", certificates.bundle_file)
    assert fingerprint(given["certificate"].read_bytes()) == certificates.fingerprint
    assert ours.fingerprint == make().fingerprint


def test_a_certificate_that_cannot_be_used(
    make: Make, given: dict[str, Path], tmp_path: Path
) -> None:
    for damage in (
        {"certificate": tmp_path / "nothing"},
        {"certificate_key": tmp_path / "nothing"},
    ):
        with pytest.raises(WrongSetting):
            make(**{**given, **damage}).context()


# Names


def test_the_machine_knows_itself() -> None:
    assert machine_names()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Box.Example.", x509.DNSName("box.example")),
        ("*.example", x509.DNSName("*.example")),
        ("::1", x509.IPAddress(ip_address("::1"))),
        ("fe80::1%eth0", None),
        ("bücher.example", None),
        ("", None),
    ],
)
def test_a_name_in_a_certificate(text: str, expected: x509.GeneralName | None) -> None:
    assert expected == general_name(text)
