"""What is done with a private key: a program of its own, so that the agent need not hold one.

`python -m ostler.agent.signing fresh|public|sign`: the key in PEM comes on standard input, what
is to be signed behind a NUL; the answer goes to standard output. A signature is wanted twice an
hour, and the library for it is larger than all the rest of the agent.
"""

import base64
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

BITS = 2048


def fresh() -> bytes:
    """A new private key, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public(pem: bytes) -> str:
    """The public half, as registration sends it: base64 of its DER."""
    der = (
        _private(pem)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode()


def sign(pem: bytes, text: str) -> str:
    """The signature over a text: RSA-PSS with SHA-256 and a salt of 32 bytes, in base64."""
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    return base64.b64encode(_private(pem).sign(text.encode(), pss, hashes.SHA256())).decode()


def main() -> int:
    """Do one thing with one key."""
    pem, _, text = sys.stdin.buffer.read().partition(b"\0")
    match sys.argv[1:]:
        case ["fresh"]:
            answer = fresh()
        case ["public"]:
            answer = public(pem).encode()
        case ["sign"]:
            answer = sign(pem, text.decode()).encode()
        case _:
            return 2
    sys.stdout.buffer.write(answer)
    return 0


def _private(pem: bytes) -> rsa.RSAPrivateKey:
    # The key is our own: to prove at each reading that it is one takes a tenth of a second.
    key = serialization.load_pem_private_key(
        pem, password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the key is not an RSA key")
    return key


if __name__ == "__main__":
    sys.exit(main())
