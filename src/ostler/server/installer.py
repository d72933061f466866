"""The installer: the script and the agent's bundles, for machines that are no nodes yet."""

import asyncio
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

from ostler.server.bundles import Bundles
from ostler.wire.http import Response

PIECE = 256 * 1024
_AGENTS = "/v1/agent/"
_SCRIPT = {"content-type": "text/x-shellscript; charset=utf-8", "cache-control": "no-store"}
_JSON = {"content-type": "application/json", "cache-control": "no-store"}
_ZIP = {"content-type": "application/zip", "cache-control": "no-store"}
_TEXT = {"content-type": "text/plain; charset=utf-8"}


class Installer:
    """Files that are the same for everybody: nothing of a request comes back in an answer."""

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles
        self._script = resources.files("ostler.server").joinpath("install.sh").read_bytes()

    async def find(self, path: str) -> Response | None:
        """The file of that path, if it is one of ours."""
        if path == "/install.sh":
            return Response(200, _SCRIPT, self._script)
        if not path.startswith(_AGENTS):
            return None
        name = path.removeprefix(_AGENTS)
        if name == "manifest.json":
            return Response(200, _JSON, await self._bundles.manifest())
        bundle = await self._bundles.find(name.removesuffix(".zip"))
        if bundle is None or not name.endswith(".zip"):
            return Response(404, _TEXT, b"There is no such bundle.\n")
        size = str(bundle.stat().st_size)
        return Response(200, {**_ZIP, "content-length": size}, stream=_pieces(bundle))


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
