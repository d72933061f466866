"""The keys of simulated nodes."""

import base64
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


@dataclass(frozen=True)
class Key:
    """A node's private key."""

    exponent: int
    secret: rsa.RSAPrivateKey = field(repr=False)

    @property
    def public(self) -> str:
        """As registration sends it."""
        der = self.secret.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    async def sign(self, text: str) -> str:
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        return base64.b64encode(self.secret.sign(text.encode(), pss, hashes.SHA256())).decode()


class Keys:
    """A key for each node, all over the same two primes: to find primes takes a tenth of a second.

    Whoever has one such key can make the others, which nobody but a simulation may put up with.
    """

    def __init__(self, primes: tuple[int, int] | None = None) -> None:
        if primes is None:
            numbers = rsa.generate_private_key(65537, 2048).private_numbers()
            primes = (numbers.p, numbers.q)
        self.primes = primes
        self._exponents = self._fitting()

    def fresh(self) -> Key:
        """A key that was not given to anybody before."""
        return self.of(next(self._exponents))

    def of(self, exponent: int) -> Key:
        """The key with that public exponent."""
        p, q = self.primes
        private = pow(exponent, -1, (p - 1) * (q - 1))
        numbers = rsa.RSAPrivateNumbers(
            p=p,
            q=q,
            d=private,
            dmp1=private % (p - 1),
            dmq1=private % (q - 1),
            iqmp=pow(q, -1, p),
            public_numbers=rsa.RSAPublicNumbers(exponent, p * q),
        )
        return Key(exponent, numbers.private_key(unsafe_skip_rsa_key_validation=True))

    def _fitting(self) -> Iterator[int]:
        p, q = self.primes
        exponent = random.Random().randrange(65537, 2**31, 2)
        while True:
            if math.gcd(exponent, (p - 1) * (q - 1)) == 1:
                yield exponent
            exponent += 2
