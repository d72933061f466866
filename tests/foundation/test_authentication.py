"""Authentication: whose signature is taken, and in which words others are refused."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from botocore.auth import HmacV1QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ostler.foundation.authentication import Authentication, Credential
from ostler.foundation.call import Caller
from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import (
    AccessDeniedException,
    ApiError,
    ExpiredTokenException,
    IncompleteSignature,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)
from ostler.foundation.ids import AccountId, NodeId, Region
from ostler.foundation.storage import Scope
from ostler.wire import sigv2, sigv4
from ostler.wire.http import Request

ACCOUNT = AccountId("111122223333")
ALICE = Caller(f"arn:aws:iam::{ACCOUNT}:user/alice", ACCOUNT, "AIDAALICE")
NODE = NodeId("mi-0123456789abcdef0")
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details."
)


@dataclass
class KnownKeys:
    """A house that knows what it was told."""

    credentials: dict[tuple[str, str | None], Credential] = field(default_factory=dict)
    nodes: dict[tuple[str, str], bytes] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)

    async def find(self, access_key: str, session_token: str | None) -> Credential | None:
        return self.credentials.get((access_key, session_token))

    async def public_key(self, region: Region, node: NodeId) -> tuple[AccountId, bytes] | None:
        found = self.nodes.get((region, node))
        return None if found is None else (ACCOUNT, found)

    async def spend(self, digest: str, until: datetime) -> bool:
        new = digest not in self.spent
        self.spent.add(digest)
        return new


@pytest.fixture
def known() -> KnownKeys:
    return KnownKeys({("AKIAALICE", None): Credential(SECRET, ALICE)})


@pytest.fixture
def authentication(known: KnownKeys, clock: ManualClock) -> Authentication:
    return Authentication(known, known, known, clock)


def a_request(clock: ManualClock, **how: object) -> Request:
    plain = Request(
        "POST",
        "/",
        headers={
            "host": "ssm.eu-west-1.ostler.internal:8443",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "AmazonSSM.ListCommands",
        },
        body=b"{}",
    )
    settings = {
        "access_key": "AKIAALICE",
        "secret": SECRET,
        "region": "eu-west-1",
        "service": "ssm",
        "at": clock.now(),
    }
    return sigv4.sign(plain, **{**settings, **how})  # type: ignore[arg-type]


async def refusal(authentication: Authentication, request: Request) -> ApiError:
    with pytest.raises(ApiError) as refused:
        await authentication.sigv4(request, "ssm")
    return refused.value


async def test_a_signed_request_is_its_signers(
    authentication: Authentication, clock: ManualClock
) -> None:
    caller, scope = await authentication.sigv4(a_request(clock), "ssm")

    assert ALICE == caller
    assert Scope(ACCOUNT, Region("eu-west-1")) == scope


async def test_the_same_request_may_come_again(
    authentication: Authentication, clock: ManualClock
) -> None:
    request = a_request(clock)
    await authentication.sigv4(request, "ssm")
    await clock.advance(timedelta(minutes=4))

    assert ALICE == (await authentication.sigv4(request, "ssm"))[0]


def boto_request(signer: type, **how: object) -> Request:
    """A request as botocore signs it, at the machine's own time."""
    request = AWSRequest(
        "POST",
        "https://ssm.eu-west-1.ostler.internal/?b=2&a=1%20x",
        headers={"X-Amz-Target": "AmazonSSM.ListCommands"},
        data=b'{"MaxResults": 5}',
    )
    signer(BotoCredentials("AKIAALICE", SECRET), "ssm", "eu-west-1", **how).add_auth(request)
    url = request.prepare().url
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    headers.setdefault("host", "ssm.eu-west-1.ostler.internal")
    # A presigned URL has the body's members in its query instead.
    return Request("POST", "/", url.partition("?")[2], headers, request.data or b"")


@pytest.mark.parametrize(
    "request_of",
    [lambda: boto_request(SigV4Auth), lambda: boto_request(SigV4QueryAuth, expires=60)],
    ids=["in headers", "presigned"],
)
async def test_what_botocore_signs_is_taken(
    known: KnownKeys, request_of: Callable[[], Request]
) -> None:
    request = request_of()
    clock = ManualClock(sigv4.claim_of(request).timestamp)

    caller, _ = await Authentication(known, known, known, clock).sigv4(request, "ssm")

    assert ALICE == caller


async def test_a_changed_body(authentication: Authentication, clock: ManualClock) -> None:
    error = await refusal(authentication, replace(a_request(clock), body=b'{"x": 1}'))

    assert InvalidSignatureException is type(error)
    assert MISMATCH == error.message


def an_unsigned_body(service: str) -> Request:
    """A request whose signature, made by botocore, leaves the body to TLS."""
    request = AWSRequest(
        "POST",
        "https://ssm.eu-west-1.ostler.internal/",
        headers={"X-Amz-Content-SHA256": sigv4.UNSIGNED_PAYLOAD},
        data=b"{}",
    )
    request.context["payload_signing_enabled"] = False
    SigV4Auth(BotoCredentials("AKIAALICE", SECRET), service, "eu-west-1").add_auth(request)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    headers["host"] = "ssm.eu-west-1.ostler.internal"
    return Request("POST", "/", "", headers, b"{}")


@pytest.mark.parametrize("service", ["s3", "ssm"])
async def test_a_body_may_be_left_unsigned_in_s3_alone(known: KnownKeys, service: str) -> None:
    """Elsewhere the body is the whole request: who saw one could send it again as another."""
    request = an_unsigned_body(service)
    clock = ManualClock(sigv4.claim_of(request).timestamp)
    authentication = Authentication(known, known, known, clock)

    try:
        taken = (await authentication.sigv4(request, service))[0] == ALICE
    except InvalidSignatureException:
        taken = False

    assert (service == "s3") == taken


async def test_another_secret(authentication: Authentication, clock: ManualClock) -> None:
    assert MISMATCH == (await refusal(authentication, a_request(clock, secret="x"))).message


async def test_an_unknown_key(authentication: Authentication, clock: ManualClock) -> None:
    error = await refusal(authentication, a_request(clock, access_key="AKIAMALLORY"))

    assert UnrecognizedClientException is type(error)
    assert "The security token included in the request is invalid." == error.message


async def test_a_session_needs_its_token(
    authentication: Authentication, known: KnownKeys, clock: ManualClock
) -> None:
    ends = clock.now() + timedelta(hours=1)
    known.credentials[("ASIAX", "token")] = Credential(SECRET, ALICE, ends)

    await authentication.sigv4(a_request(clock, access_key="ASIAX", session_token="token"), "ssm")
    error = await refusal(authentication, a_request(clock, access_key="ASIAX"))
    assert UnrecognizedClientException is type(error)

    await clock.advance(timedelta(hours=1))
    error = await refusal(
        authentication, a_request(clock, access_key="ASIAX", session_token="token")
    )
    assert ExpiredTokenException is type(error)
    assert "The security token included in the request is expired" == error.message


async def test_no_signature(authentication: Authentication, clock: ManualClock) -> None:
    error = await refusal(authentication, Request("POST", "/"))

    assert MissingAuthenticationTokenException is type(error)


async def test_half_a_signature(authentication: Authentication, clock: ManualClock) -> None:
    request = a_request(clock)
    broken = {**request.headers, "authorization": "AWS4-HMAC-SHA256 Credential=x"}

    assert IncompleteSignature is type(
        await refusal(authentication, replace(request, headers=broken))
    )


async def test_another_services_signature(
    authentication: Authentication, clock: ManualClock
) -> None:
    error = await refusal(authentication, a_request(clock, service="s3"))

    assert "Credential should be scoped to correct service: 'ssm'." == error.message


async def test_a_region_has_letters_digits_and_hyphens(
    authentication: Authentication, clock: ManualClock
) -> None:
    error = await refusal(authentication, a_request(clock, region="eu_west"))

    assert "Credential should be scoped to a valid region." == error.message


async def test_the_target_must_be_signed(
    authentication: Authentication, clock: ManualClock
) -> None:
    """Otherwise a request that was seen could be sent again as another operation."""
    plain = Request("POST", "/", headers={"host": "ssm"}, body=b"{}")
    signed = sigv4.sign(
        plain,
        access_key="AKIAALICE",
        secret=SECRET,
        region="eu-west-1",
        service="ssm",
        at=clock.now(),
    )
    headers = {**signed.headers, "x-amz-target": "AmazonSSM.DeleteDocument"}

    error = await refusal(authentication, replace(signed, headers=headers))

    assert InvalidSignatureException is type(error)


async def test_a_request_of_the_past(authentication: Authentication, clock: ManualClock) -> None:
    request = a_request(clock)
    await clock.advance(timedelta(minutes=5, seconds=1))

    error = await refusal(authentication, request)

    assert InvalidSignatureException is type(error)
    assert (
        "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z "
        "(20260101T000501Z - 5 min.)"
    ) == error.message


async def test_a_request_of_the_future(authentication: Authentication, clock: ManualClock) -> None:
    request = a_request(clock, at=clock.now() + timedelta(minutes=6))

    assert (
        "Signature not yet current: 20260101T000600Z is still later than 20260101T000500Z "
        "(20260101T000000Z + 5 min.)"
    ) == (await refusal(authentication, request)).message


async def test_a_link_lives_as_long_as_it_says(
    authentication: Authentication, clock: ManualClock
) -> None:
    link = sigv4.presign(
        Request("GET", "/", headers={"host": "x"}),
        access_key="AKIAALICE",
        secret=SECRET,
        region="eu-west-1",
        service="ssm",
        at=clock.now(),
        expires=3600,
    )
    await clock.advance(timedelta(hours=1))
    await authentication.sigv4(link, "ssm")
    await clock.advance(timedelta(seconds=1))

    assert "Signature expired" in (await refusal(authentication, link)).message


# Nodes


@pytest.fixture(scope="module")
def node_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def der(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def a_node_request(
    clock: ManualClock, key: rsa.RSAPrivateKey, *, salt: int = 32, body: bytes = b"{}"
) -> Request:
    """A request as the stock agent signs it: some headers, and the base64 of an RSA signature."""
    plain = Request(
        "POST",
        "/",
        headers={
            "host": "ssm.eu-west-1.ostler.internal:8443",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "AmazonSSM.RequestManagedInstanceRoleToken",
            "x-amz-content-sha256": "0" * 64,
        },
        body=body,
    )
    ready, claim = sigv4.unsigned(
        plain,
        access_key=NODE,
        region="eu-west-1",
        service="ssm",
        at=clock.now(),
        leave_out=["x-amz-content-sha256"],
    )
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt)
    signed = key.sign(sigv4.string_to_sign(ready, claim).encode(), pss, hashes.SHA256())
    return sigv4.with_signature(ready, claim, base64.b64encode(signed).decode())


async def test_a_node_proves_itself_once_a_request(
    authentication: Authentication,
    known: KnownKeys,
    clock: ManualClock,
    node_key: rsa.RSAPrivateKey,
) -> None:
    known.nodes[("eu-west-1", NODE)] = der(node_key)
    request = a_node_request(clock, node_key)

    assert (NODE, Scope(ACCOUNT, Region("eu-west-1"))) == await authentication.node_key(request)
    with pytest.raises(InvalidSignatureException):
        await authentication.node_key(request)
    assert NODE == (await authentication.node_key(a_node_request(clock, node_key)))[0]


async def test_what_is_no_proof_of_a_node(
    authentication: Authentication,
    known: KnownKeys,
    clock: ManualClock,
    node_key: rsa.RSAPrivateKey,
) -> None:
    good = a_node_request(clock, node_key)
    with pytest.raises(AccessDeniedException):
        await authentication.node_key(good)
    known.nodes[("eu-west-1", NODE)] = der(node_key)
    name, _, _ = good.headers["authorization"].rpartition("Signature=")
    bad = [
        replace(good, body=b'{"Fingerprint": "x"}'),
        a_node_request(clock, node_key, salt=20),
        replace(good, headers={**good.headers, "authorization": f"{name}Signature=AAAA"}),
        replace(good, headers={**good.headers, "authorization": f"{name}Signature=?"}),
    ]
    for request in bad:
        with pytest.raises(InvalidSignatureException):
            await authentication.node_key(request)
    assert set() == known.spent


async def test_a_nodes_name_is_checked_before_anybody_looks_for_it(
    authentication: Authentication, clock: ManualClock, node_key: rsa.RSAPrivateKey
) -> None:
    good = a_node_request(clock, node_key)
    authorization = good.headers["authorization"].replace(NODE, "mi_\x00")

    with pytest.raises(AccessDeniedException):
        await authentication.node_key(
            replace(good, headers={**good.headers, "authorization": authorization})
        )


async def test_a_key_that_is_not_rsa_proves_nothing(
    authentication: Authentication,
    known: KnownKeys,
    clock: ManualClock,
    node_key: rsa.RSAPrivateKey,
) -> None:
    for kept in (der(ec.generate_private_key(ec.SECP256R1())), b"rubbish"):
        known.nodes[("eu-west-1", NODE)] = kept
        with pytest.raises(InvalidSignatureException):
            await authentication.node_key(a_node_request(clock, node_key))


# S3.


def a_link(clock: ManualClock, secret: str = SECRET) -> Request:
    """A link of the older kind, made with botocore."""
    made = AWSRequest("GET", "https://s3.example/pail/a%20key?uploadId=x&prefix=y")
    signer = HmacV1QueryAuth(BotoCredentials("AKIAALICE", secret), expires=60)
    signer._get_date = lambda: str(int(clock.now().timestamp()) + 60)  # type: ignore[method-assign]
    signer.add_auth(made)
    _, _, query = made.url.partition("?")
    return Request("GET", "/pail/a%20key", query, {"host": "s3.example"})


async def followed(authentication: Authentication, request: Request) -> Caller:
    link = sigv2.link_of(request)
    assert link is not None
    return (await authentication.link(request, link, Region("eu-west-1"))).caller


async def test_a_link_of_the_older_kind_is_its_makers(
    authentication: Authentication, clock: ManualClock
) -> None:
    assert ALICE == await followed(authentication, a_link(clock))


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "PUT"},
        {"path": "/pail/other"},
        {"headers": {"host": "s3.example", "x-amz-copy-source": "/pail/secret"}},
    ],
)
async def test_a_link_is_good_for_one_thing(
    authentication: Authentication, clock: ManualClock, changed: dict[str, object]
) -> None:
    with pytest.raises(InvalidSignatureException):
        await followed(authentication, replace(a_link(clock), **changed))


async def test_a_link_ends(authentication: Authentication, clock: ManualClock) -> None:
    link = a_link(clock)
    await clock.advance(timedelta(seconds=61))

    with pytest.raises(AccessDeniedException):
        await followed(authentication, link)


async def test_a_link_with_another_secret_is_refused(
    authentication: Authentication, clock: ManualClock
) -> None:
    with pytest.raises(InvalidSignatureException):
        await followed(authentication, a_link(clock, "guessed"))


async def test_every_header_that_s3_heeds_has_to_be_signed(
    authentication: Authentication, clock: ManualClock
) -> None:
    """Or whoever sees a request to put could make it one to copy."""
    put = Request("PUT", "/pail/key", headers={"host": "s3.example"})
    signed = sigv4.sign(
        put,
        access_key="AKIAALICE",
        secret=SECRET,
        region="eu-west-1",
        service="s3",
        at=clock.now(),
    )
    assert ALICE == (await authentication.sigv4(signed, "s3"))[0]

    headers = {**signed.headers, "x-amz-copy-source": "/pail/secret"}
    with pytest.raises(AccessDeniedException):
        await authentication.sigv4(replace(signed, headers=headers), "s3")
