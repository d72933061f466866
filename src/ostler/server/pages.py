"""Pages: what the server shows to whoever asks, without a signature; nothing of it is secret."""

import json
from collections.abc import Sequence
from pathlib import Path

from ostler.server.installer import Installer
from ostler.server.readiness import Readiness
from ostler.wire.http import Response

_JSON = {"content-type": "application/json", "cache-control": "no-store"}
_PEM = {"content-type": "application/x-pem-file"}


class Pages:
    """Health, readiness, the authority to trust, and what installs an agent."""

    def __init__(
        self, readiness: Readiness, installer: Installer, *, region: str, ca: Path | None
    ) -> None:
        self._readiness = readiness
        self._installer = installer
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
        return await self._installer.find(path)


def _readiness(faults: Sequence[str]) -> Response:
    told = {"status": "not ready", "because": faults} if faults else {"status": "ready"}
    return Response(503 if faults else 200, _JSON, json.dumps(told).encode())
