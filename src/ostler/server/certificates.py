"""TLS: the server's own authority, the certificate it shows, and what clients must trust."""

import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ostler.foundation.clock import Clock, SystemClock
from ostler.server.settings import Settings, WrongSetting

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=397)
"""What browsers accept at most."""
RENEWED_BEFORE = timedelta(days=60)

log = structlog.get_logger()

_BACKDATED = timedelta(hours=1)
_SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

Names = Callable[[], Collection[str]]


class Certificates:
    """The files under DIR/tls, made when they are missing and renewed in time.

    `ca_file` is what a client of this server trusts, `bundle_file` the same beside the system's
    roots, for clients that know one file only.
    """

    def __init__(self, settings: Settings, clock: Clock, names: Names) -> None:
        self._settings = settings
        self._clock = clock
        self._names = names
        self._folder = settings.data / "tls"
        self._context: ssl.SSLContext | None = None
        self.bundle_file = self._folder / "bundle.pem"
        # The authority stays as it is while a certificate of the user's takes its place.
        self._authority_file = self._folder / "ca.pem"
        given = settings.certificate is not None
        self.ca_file = self._folder / "trusted.pem" if given else self._authority_file
        self._ca_key_file = self._folder / "ca.key"
        self._server_file = self._folder / "server.pem"

    @classmethod
    def of(
        cls, settings: Settings, *, clock: Clock | None = None, names: Names | None = None
    ) -> "Certificates":
        """The certificates in the data folder of `settings`, ready for use."""
        certificates = cls(settings, clock or SystemClock(), names or machine_names)
        certificates.refresh()
        return certificates

    def context(self) -> ssl.SSLContext:
        """What the listeners use; `refresh` brings a renewed certificate into it."""
        if self._context is None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._load(self._context)
        return self._context

    @property
    def fingerprint(self) -> str:
        """The SHA-256, in hexadecimal digits, of the certificate at the end of the chain."""
        return fingerprint((self._settings.certificate or self.ca_file).read_bytes())

    @property
    def ends(self) -> datetime:
        """When the certificate that clients are shown is not good any more."""
        pem = (self._settings.certificate or self._server_file).read_bytes()
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc

    def refresh(self) -> bool:
        """Make or renew what is missing, too old, or of other names; whether anything was new.

        To be called at the start and then once a day.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        given = self._settings.certificate
        renewed = self._follow(given) if given is not None else self._issue()
        if renewed and self._context is not None:
            self._load(self._context)
        return renewed

    # A certificate of the user's

    def _follow(self, given: Path) -> bool:
        """Let clients trust what the user's chain holds; whether it has changed."""
        try:
            chain = given.read_bytes()
            x509.load_pem_x509_certificates(chain)
        except (OSError, ValueError) as fault:
            raise WrongSetting(f"certificate: {given} has no certificate in it: {fault}") from fault
        # Its root may be a public one, or the chain may end in one of the user's own.
        trusted = _system_roots() + chain
        if _content(self.ca_file) == trusted:
            return False
        _write(self.ca_file, trusted, 0o644)
        _write(self.bundle_file, trusted, 0o644)
        return True

    # A certificate of our own

    def _issue(self) -> bool:
        authority, key = self._authority()
        bundle = _system_roots() + authority.public_bytes(Encoding.PEM)
        if _content(self.bundle_file) != bundle:
            _write(self.bundle_file, bundle, 0o644)
        wanted = self._wanted_names()
        if self._is_good(_server_certificate(self._server_file), authority, wanted):
            return False
        server_key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._server_certificate(authority, key, server_key, wanted)
        # Key and certificate are one file, so that they cannot be of two times.
        content = certificate.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)
        _write(self._server_file, _key_pem(server_key) + content, 0o600)
        return True

    def _authority(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """The authority in the folder; a new one when there is none."""
        pem, key_pem = _content(self._authority_file), _content(self._ca_key_file)
        if pem and key_pem:
            try:
                certificate, key = x509.load_pem_x509_certificate(pem), _ec_key(key_pem)
            except ValueError as fault:
                raise WrongSetting(
                    f"{self._folder} has an authority that cannot be read: {fault}. Put ca.pem and "
                    "ca.key back from a backup; without them a new authority is made, which every "
                    "agent and client must be given."
                ) from fault
            own = certificate.public_key() == key.public_key()
            if own and self._clock.now() < certificate.not_valid_after_utc:
                return certificate, key
        if (self._settings.data / "client.env").exists():
            log.warning("authority_made_anew", to_be_given_to_all=str(self._authority_file))
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._authority_certificate(key)
        _write(self._ca_key_file, _key_pem(key), 0o600)
        _write(self._authority_file, certificate.public_bytes(Encoding.PEM), 0o644)
        return certificate, key

    def _authority_certificate(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        now = self._clock.now()
        serial = x509.random_serial_number()
        # Two servers' authorities with one name would be mistaken for each other by clients that
        # trust both.
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ostler"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Ostler CA {serial:x}"[:64]),
            ]
        )
        return (
            _builder(name, name, key.public_key(), serial, now, now + AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, SHA256())
        )

    def _server_certificate(
        self,
        authority: x509.Certificate,
        authority_key: ec.EllipticCurvePrivateKey,
        key: ec.EllipticCurvePrivateKey,
        names: Sequence[x509.GeneralName],
    ) -> x509.Certificate:
        now = self._clock.now()
        end = min(now + SERVER_LIFE, authority.not_valid_after_utc)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ostler server")])
        serial = x509.random_serial_number()
        public_key = authority_key.public_key()
        return (
            _builder(subject, authority.subject, key.public_key(), serial, now, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key), critical=False
            )
            .sign(authority_key, SHA256())
        )

    def _wanted_names(self) -> Sequence[x509.GeneralName]:
        region, domain = self._settings.region, self._settings.domain
        texts = [
            "localhost",
            "127.0.0.1",
            "::1",
            *sorted(self._names()),
            *([] if self._settings.host in ("0.0.0.0", "::", "") else [self._settings.host]),  # noqa: S104
            *self._settings.names,
            domain,
            f"*.{region}.{domain}",
            f"*.s3.{region}.{domain}",
        ]
        names = [general_name(text) for text in dict.fromkeys(texts)]
        return [name for name in names if name is not None]

    def _is_good(
        self,
        certificate: x509.Certificate | None,
        authority: x509.Certificate,
        wanted: Sequence[x509.GeneralName],
    ) -> bool:
        if certificate is None or certificate.issuer != authority.subject:
            return False
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        if not set(wanted) <= set(extension.value):
            return False
        now = self._clock.now()
        end = min(certificate.not_valid_after_utc, now + SERVER_LIFE)
        return certificate.not_valid_before_utc <= now and now + RENEWED_BEFORE < end

    def _load(self, context: ssl.SSLContext) -> None:
        chain, key = self._settings.certificate, self._settings.certificate_key
        try:
            if chain is not None:
                context.load_cert_chain(chain, key)
            else:
                context.load_cert_chain(self._server_file)
        except (OSError, ssl.SSLError) as fault:
            raise WrongSetting(f"The certificate and its key cannot be used: {fault}") from fault


def fingerprint(pem: bytes) -> str:
    """The SHA-256 of the last certificate in the text, in hexadecimal digits."""
    return x509.load_pem_x509_certificates(pem)[-1].fingerprint(SHA256()).hex()


def machine_names() -> Collection[str]:
    """The names and addresses under which this machine can be reached, as far as it knows them."""
    names = {socket.gethostname(), socket.getfqdn()}
    with suppress(OSError):
        names |= {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)}
    # Nothing is sent: connecting a UDP socket only asks which address it would send from.
    for family, far_away in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((far_away, 9))
            names.add(str(asking.getsockname()[0]))
    return names


def general_name(text: str) -> x509.GeneralName | None:
    """A name or an address as certificates hold it; None for what cannot stand in one."""
    if "%" in text:  # an address that is good on one link only
        return None
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(text))
    if not text or len(text) > 253 or not text.isascii():
        return None
    return x509.DNSName(text.lower().rstrip("."))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    serial: int,
    now: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        # Clients' clocks may be late.
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _server_certificate(path: Path) -> x509.Certificate | None:
    """The first certificate in the file; None when there is no good one, or no key with it."""
    pem = _content(path)
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        return certificate if certificate.public_key() == _ec_key(pem).public_key() else None
    except ValueError:
        return None


def _ec_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key of ours")
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _system_roots() -> bytes:
    """The roots that this machine trusts, in one text; empty when they are not found."""
    # Not what SSL_CERT_FILE says: in a shell that has read client.env, that is our own bundle.
    for path in (*_SYSTEM_ROOTS, ssl.get_default_verify_paths().openssl_cafile):
        if content := _content(Path(path)):
            return content.rstrip(b"\n") + b"\n"
    return b""


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace the file at once; nobody else can ever read a private one."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
