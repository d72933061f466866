"""Sources: what steps get from the server's documents and buckets, and from the network."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

from ostler.agent.calls import Calls, Refused
from ostler.agent.network import Endpoint, Network, NetworkFault
from ostler.agent.plugins import PackageDocument, StepFault
from ostler.wire.http import Request, Response

log = logging.getLogger(__name__)

_KEY = re.compile(r"<Key>([^<]*)</Key>")
_MORE = "<IsTruncated>true</IsTruncated>"


class ServerSources:
    """The server this node belongs to, and whatever a URL reaches."""

    def __init__(self, calls: Calls, network: Network, server: Endpoint) -> None:
        self._calls = calls
        self._network = network
        self._server = server

    async def document(self, name: str, version: str) -> str:
        given = {"Name": name, "DocumentFormat": "JSON"}
        if version:
            given["DocumentVersion"] = version
        answer = await self._calls.ask("GetDocument", given)
        return str(answer.get("Content", ""))

    async def package(self, name: str, version: str) -> PackageDocument:
        given = {"Name": name, "DocumentFormat": "JSON"}
        if version:
            given["VersionName"] = version
        answer = await self._calls.ask("GetDocument", given)
        if answer.get("DocumentType", "Package") != "Package":
            raise StepFault(f"{name} is not a package but a {answer['DocumentType']} document.")
        links = {
            str(each.get("Name", "")): str(each.get("Url", ""))
            for each in answer.get("AttachmentsContent") or []
        }
        return PackageDocument(
            str(answer.get("Content", "")), str(answer.get("VersionName", "")), links
        )

    async def tell_package(self, told: Mapping[str, Any]) -> None:
        try:
            await self._calls.ask("PutConfigurePackageResult", told)
        except (Refused, NetworkFault) as fault:
            log.warning("package_result_not_told because=%s", fault)

    async def secret(self, name: str) -> tuple[str, str]:
        """A parameter of Parameter Store, opened: its type and its value."""
        given = {"Name": name, "WithDecryption": True}
        parameter = (await self._calls.ask("GetParameter", given)).get("Parameter", {})
        return str(parameter.get("Type", "")), str(parameter.get("Value", ""))

    async def object(self, bucket: str, key: str, take: Callable[[bytes], None]) -> Response:
        path = "/" + quote(f"{bucket}/{key}", safe="/~")
        return await self._get(Request("GET", path), take)

    async def objects(self, bucket: str, prefix: str) -> list[str]:
        found: list[str] = []
        while True:
            body = bytearray()
            asked = {"prefix": prefix, **({"marker": found[-1]} if found else {})}
            query = urlencode(asked, quote_via=quote)
            answer = await self._get(Request("GET", f"/{quote(bucket)}", query), body.extend)
            if answer.status != 200:
                raise Refused(answer.status, "", answer.body[:300].decode(errors="replace"))
            page = body.decode(errors="replace")
            keys = [unescape(key) for key in _KEY.findall(page)]
            found += keys
            if not keys or _MORE not in page:
                return found

    async def put_inventory(self, items: Sequence[Mapping[str, Any]]) -> None:
        await self._calls.ask("PutInventory", {"InstanceId": self._calls.node, "Items": items})

    async def fetch(
        self, url: str, headers: Mapping[str, str], take: Callable[[bytes], None]
    ) -> Response:
        return await self._network.fetch(url, headers, take)

    async def _get(self, request: Request, take: Callable[[bytes], None]) -> Response:
        signed = await self._calls.signed(request, service="s3")
        query = f"?{signed.query}" if signed.query else ""
        headers = {name: value for name, value in signed.headers.items() if name != "host"}
        url = f"{self._server.url}{signed.path}{query}"
        return await self._network.fetch(url, headers, take)
