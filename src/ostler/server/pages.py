"""Pages: what the server shows to whoever asks, without a signature; nothing of it is secret."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ostler.server.installer import Installer
from ostler.server.readiness import Readiness
from ostler.wire.http import Response

_JSON = {"content-type": "application/json", "cache-control": "no-store"}
_PEM = {"content-type": "application/x-pem-file"}


_SIGNER = "/SimpleNotificationService-"
"""How the path of a certificate begins by which messages of topics are checked, as AWS's."""


class Signers(Protocol):
    """Knows the certificates by which messages of topics are checked."""

    async def certificate(self, name: str) -> bytes | None:
        """The certificate of this name in PEM; None when there is none."""
        ...


class Pages:
    """Health, readiness, whom to trust, and what installs an agent."""

    def __init__(
        self,
        readiness: Readiness,
        installer: Installer,
        signers: Signers,
        *,
        region: str,
        ca: Path | None,
    ) -> None:
        self._readiness = readiness
        self._installer = installer
        self._signers = signers
        self._health = json.dumps({"status": "ok", "region": region}).encode()
        self._ca = ca

    async def find(self, path: str) -> Response | None:
        """The page of that path, if it is one."""
        match path:
            case "/health":
                return Response(200, _JSON, self._health)
            case "/ready":
                return _readiness(await self._readiness.faults())
            case "/ca.pem" if self._ca is not None:
                return Response(200, _PEM, self._ca.read_bytes())
        if path.startswith(_SIGNER) and path.endswith(".pem"):
            name = path.removeprefix(_SIGNER).removesuffix(".pem")
            certificate = await self._signers.certificate(name)
            return None if certificate is None else Response(200, _PEM, certificate)
        return await self._installer.find(path)


def _readiness(faults: Sequence[str]) -> Response:
    told = {"status": "not ready", "because": faults} if faults else {"status": "ready"}
    return Response(503 if faults else 200, _JSON, json.dumps(told).encode())
