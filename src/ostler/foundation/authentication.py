"""Authentication: whose request this is, by a secret's signature or by a node's own key."""

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ostler.foundation.call import Caller
from ostler.foundation.clock import Clock
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
from ostler.wire import sigv2
from ostler.wire.http import Request
from ostler.wire.sigv2 import Link
from ostler.wire.sigv4 import (
    BrokenClaim,
    Claim,
    NoClaim,
    claim_of,
    same_signature,
    signature,
    signing_key,
    string_to_sign,
)

SKEW = timedelta(minutes=5)
"""How far a client's clock may be off."""

_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
_NODE = re.compile(r"[A-Za-z0-9-]{1,64}")
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
_STAMP = "%Y%m%dT%H%M%SZ"
# What the signature covers in another way, or what says nothing.
_SIGNED_ANYHOW = {
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-user-agent",
}


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key: its secret, whom it makes its user, and how long it is good."""

    secret: str = field(repr=False)
    caller: Caller
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed a request, in which scope, and the key that the rest of it may be signed with."""

    caller: Caller
    scope: Scope
    key: bytes = field(default=b"", repr=False)


class Credentials(Protocol):
    """Knows access keys. A temporary one is known only together with its session token."""

    async def find(self, access_key: str, session_token: str | None) -> Credential | None: ...


class NodeKeys(Protocol):
    """Knows the public keys that nodes registered with, as DER."""

    async def public_key(self, region: Region, node: NodeId) -> tuple[AccountId, bytes] | None: ...


class SpentSignatures(Protocol):
    """Remembers what may be used once only."""

    async def spend(self, digest: str, until: datetime) -> bool:
        """Keep `digest` in mind until then; False when it is in mind already."""
        ...


class Strangers(Protocol):
    """Keeps away who fails too often to prove who they are."""

    def admit_unproved(self, address: str, access_key: str) -> None:
        """Raise ThrottlingException when it is not worth looking at the signature."""
        ...

    def proved(self, access_key: str) -> None:
        """The signature was good."""
        ...

    def failed(self, address: str) -> None:
        """The signature was not good, or the key unknown."""
        ...


class Uses(Protocol):
    """Hears of access keys that are used."""

    def used(self, access_key: str, service: str, region: str) -> None:
        """The key signed a request for the service, and the signature was good."""
        ...


class Everybody:
    """Keeps nobody away."""

    def admit_unproved(self, address: str, access_key: str) -> None:
        return None

    def proved(self, access_key: str) -> None:
        return None

    def failed(self, address: str) -> None:
        return None


class Authentication:
    """Tells who sent a request, or refuses it as AWS does."""

    def __init__(
        self,
        credentials: Credentials,
        node_keys: NodeKeys,
        spent: SpentSignatures,
        clock: Clock,
        *,
        strangers: Strangers | None = None,
        uses: Uses | None = None,
    ) -> None:
        self._credentials = credentials
        self._node_keys = node_keys
        self._spent = spent
        self._clock = clock
        self._strangers = strangers or Everybody()
        self._uses = uses

    async def sigv4(
        self, request: Request, service: str, claim: Claim | None = None
    ) -> tuple[Caller, Scope]:
        """The owner of the access key that signed `request` for `service`.

        The same request may come again while its signature is fresh: clients repeat what they
        got no answer to. Who has read the claim of `request` already may save reading it again.
        """
        signer = await self.signer(request, service, claim)
        return signer.caller, signer.scope

    async def signer(self, request: Request, service: str, claim: Claim | None = None) -> Signer:
        """The same for a request whose body is still to come, perhaps signed piece by piece."""
        claim = self._checked(request, service, claim)
        with self._proving(request, claim.access_key):
            return await self._owner(request, claim)

    async def link(self, request: Request, link: Link, region: Region) -> Signer:
        """The owner of the access key that a link of S3's older kind was made with.

        Such a link names no region; `region` is the one that it is taken to be for.
        """
        with self._proving(request, link.access_key):
            if self._clock.now().timestamp() > link.expires:
                raise AccessDeniedException("Request has expired")
            credential = await self._known(link.access_key, link.session_token)
            expected = sigv2.expected_signature(request, link, credential.secret)
            if not same_signature(expected, link.signature):
                raise InvalidSignatureException(_MISMATCH)
            self._note_use(link.access_key, "s3", region)
            return Signer(credential.caller, Scope(credential.caller.account, region))

    async def known(self, request: Request, service: str, claim: Claim | None = None) -> None:
        """Refuse `request` if its key is none, before anybody has read its body.

        It may name a key of somebody else's: that its signature is good is for `sigv4` to say.
        """
        claim = self._checked(request, service, claim)
        self._strangers.admit_unproved(request.peer, claim.access_key)
        try:
            await self._known(claim.access_key, claim.session_token)
        except ApiError:
            self._strangers.failed(request.peer)
            raise

    async def node_key(self, request: Request) -> tuple[NodeId, Scope]:
        """The node whose private key signed `request`; each such request is good once."""
        claim = self._checked(request, "ssm")
        with self._proving(request, claim.access_key):
            return await self._node(request, claim)

    @contextmanager
    def _proving(self, request: Request, access_key: str) -> Iterator[None]:
        """Count it for or against who sent `request` whether the block finds its owner."""
        self._strangers.admit_unproved(request.peer, access_key)
        try:
            yield
        except ApiError:
            self._strangers.failed(request.peer)
            raise
        self._strangers.proved(access_key)

    async def _known(self, access_key: str, session_token: str | None) -> Credential:
        credential = await self._credentials.find(access_key, session_token)
        if credential is None:
            raise UnrecognizedClientException(
                "The security token included in the request is invalid."
            )
        if credential.expires is not None and credential.expires <= self._clock.now():
            raise ExpiredTokenException("The security token included in the request is expired")
        return credential

    async def _owner(self, request: Request, claim: Claim) -> Signer:
        credential = await self._known(claim.access_key, claim.session_token)
        key = signing_key(credential.secret, claim.date, claim.region, claim.service)
        expected = signature(key, string_to_sign(request, claim))
        if not same_signature(expected, claim.signature):
            raise InvalidSignatureException(_MISMATCH)
        self._note_use(claim.access_key, claim.service, claim.region)
        scope = Scope(credential.caller.account, Region(claim.region))
        return Signer(credential.caller, scope, key)

    def _note_use(self, access_key: str, service: str, region: str) -> None:
        if self._uses is not None:
            self._uses.used(access_key, service, region)

    async def _node(self, request: Request, claim: Claim) -> tuple[NodeId, Scope]:
        region, node = Region(claim.region), NodeId(claim.access_key)
        found = None
        if _NODE.fullmatch(node):
            found = await self._node_keys.public_key(region, node)
        if found is None:
            raise AccessDeniedException(f"The managed node {node} is not registered.")
        account, public_key = found
        proof = _verified(public_key, claim.signature, string_to_sign(request, claim))
        digest = hashlib.sha256(proof).hexdigest()
        if not await self._spent.spend(digest, claim.timestamp + SKEW + timedelta(seconds=1)):
            raise InvalidSignatureException("The request was made before; sign each one anew.")
        return node, Scope(account, region)

    def _checked(self, request: Request, service: str, claim: Claim | None = None) -> Claim:
        """What `request` claims, if it is complete, of the right scope and of our time."""
        try:
            claim = claim or claim_of(request)
        except NoClaim as fault:
            raise MissingAuthenticationTokenException("Missing Authentication Token") from fault
        except BrokenClaim as fault:
            raise IncompleteSignature(fault.message) from fault
        if claim.service != service:
            raise InvalidSignatureException(
                f"Credential should be scoped to correct service: '{service}'."
            )
        if not _REGION.fullmatch(claim.region):
            raise InvalidSignatureException("Credential should be scoped to a valid region.")
        # The target says which operation it is: were it not signed, a request that somebody saw
        # could be sent again as another one.
        if "x-amz-target" in request.headers and "x-amz-target" not in claim.signed_headers:
            raise InvalidSignatureException("The header x-amz-target must be a signed header.")
        if claim.service == "s3":
            _check_all_signed(request, claim)
        self._check_time(claim)
        return claim

    def _check_time(self, claim: Claim) -> None:
        now = self._clock.now()
        signed = claim.timestamp
        if signed > now + SKEW:
            raise InvalidSignatureException(
                f"Signature not yet current: {signed.strftime(_STAMP)} is still later than "
                f"{(now + SKEW).strftime(_STAMP)} ({now.strftime(_STAMP)} + 5 min.)"
            )
        if claim.presigned:
            end = signed + timedelta(seconds=claim.expires or 0)
            if now > end:
                raise InvalidSignatureException(
                    f"Signature expired: {end.strftime(_STAMP)} is now earlier than "
                    f"{now.strftime(_STAMP)}"
                )
        elif signed < now - SKEW:
            raise InvalidSignatureException(
                f"Signature expired: {signed.strftime(_STAMP)} is now earlier than "
                f"{(now - SKEW).strftime(_STAMP)} ({now.strftime(_STAMP)} - 5 min.)"
            )


def _check_all_signed(request: Request, claim: Claim) -> None:
    """In S3 a header makes another operation: a link to put must not become one to copy."""
    for name in request.headers:
        if name.startswith("x-amz-") and name not in {*claim.signed_headers, *_SIGNED_ANYHOW}:
            raise AccessDeniedException(
                f"There were headers present in the request which were not signed: {name}"
            )


def _verified(public_key: bytes, proof: str, signed: str) -> bytes:
    """The bytes of the signature `proof`, if the owner of `public_key` made it over `signed`."""
    try:
        given = base64.b64decode(proof, validate=True)
        key = load_der_public_key(public_key)
        if not isinstance(key, rsa.RSAPublicKey):
            raise ValueError("not an RSA key")
        key.verify(given, signed.encode("utf-8", "surrogateescape"), _PSS, SHA256())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as fault:
        raise InvalidSignatureException(_MISMATCH) from fault
    return given


_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details."
)
