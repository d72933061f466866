"""Registration: how a machine becomes a node, and how it proves afterwards that it is one."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from ostler.agent.calls import SSM, Refused, json_request, read_answer
from ostler.agent.folder import Folder
from ostler.agent.keys import Key, Keys
from ostler.agent.network import Endpoint, Network
from ostler.foundation.clock import Clock
from ostler.wire import sigv4
from ostler.wire.http import Request

_FILE = "registration.json"

log = logging.getLogger(__name__)


class Registration(Struct, frozen=True):
    """Which node this is, and whose."""

    node: str
    region: str
    server: str
    name: str = ""
    """What the node is to be called instead of the machine's own name."""


class RoleToken(Struct, frozen=True, rename="pascal"):
    """The answer to a request for credentials."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    token_expiration_date: float
    update_key_pair: bool = False

    @property
    def expires(self) -> datetime:
        return datetime.fromtimestamp(self.token_expiration_date, UTC)


class RegistrationUnreadable(Exception):
    """The folder holds a registration, of which nothing can be made."""


def saved(folder: Folder) -> Registration | None:
    """The registration that lies in a folder; RegistrationUnreadable when it is damaged."""
    content = folder.read(_FILE)
    try:
        return None if content is None else msgspec.json.decode(content, type=Registration)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise RegistrationUnreadable(
            f"{folder.path / _FILE} is damaged ({fault}), so that nobody knows which node this "
            "is. Put it back from a backup, or make this machine a new node with "
            "`ostler-agent register --force` and a new activation."
        ) from fault


def forget(folder: Folder) -> None:
    """Have no registration in a folder any more, nor the key to it, nor its work."""
    for name in (_FILE, "key.pem", "key.next.pem", "credentials", "journal", "work"):
        folder.remove(name)


async def region_of(network: Network) -> str:
    """The region that a server calls its own."""
    answer = await network.send(Request("GET", "/health"))
    try:
        region = msgspec.json.decode(answer.body, type=dict[str, Any])["region"]
    except (msgspec.MsgspecError, KeyError) as fault:
        raise Refused(answer.status, "", "The server does not say its region.") from fault
    return str(region)


async def register(
    network: Network,
    folder: Folder,
    keys: Keys,
    *,
    endpoint: Endpoint,
    region: str,
    activation_id: str,
    activation_code: str,
    fingerprint: str,
    name: str = "",
) -> Registration:
    """Use an activation; what the folder knew of another node before is forgotten only then."""
    key = await keys.create()
    request = json_request(
        SSM,
        "RegisterManagedInstance",
        {
            "ActivationId": activation_id,
            "ActivationCode": activation_code,
            "Fingerprint": fingerprint,
            "PublicKey": await key.public(),
            "PublicKeyType": "Rsa",
        },
    )
    answer = read_answer(await network.send(request))
    registration = Registration(str(answer["InstanceId"]), region, endpoint.url, name)
    for name in ("credentials", "journal", "work"):
        folder.remove(name)
    # Between these two, the key in use is another's: then the one to come is tried.
    folder.write(_FILE, msgspec.json.encode(registration))
    keys.promote()
    return registration


class NodeCalls:
    """The two calls that a node signs with its own key."""

    def __init__(
        self, network: Network, registration: Registration, clock: Clock, *, authority: str
    ) -> None:
        self._network = network
        self._registration = registration
        self._clock = clock
        self._authority = authority

    async def role_token(self, key: Key, fingerprint: str) -> RoleToken:
        """Credentials for the node's role."""
        answer = await self._ask(
            key, "RequestManagedInstanceRoleToken", {"Fingerprint": fingerprint}
        )
        try:
            return msgspec.convert(answer, RoleToken)
        except msgspec.ValidationError as fault:
            raise Refused(200, "", f"The answer holds no credentials: {fault}") from fault

    async def replace_key(self, key: Key, new: Key) -> None:
        """Have the server take another key from now on."""
        await self._ask(
            key,
            "UpdateManagedInstancePublicKey",
            {"NewPublicKey": await new.public(), "NewPublicKeyType": "Rsa"},
        )

    async def _ask(self, key: Key, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        request = json_request(SSM, operation, given)
        headers = {**request.headers, "host": self._authority}
        ready, claim = sigv4.unsigned(
            Request(request.method, request.path, "", headers, request.body),
            access_key=self._registration.node,
            region=self._registration.region,
            service=SSM,
            at=self._clock.now(),
        )
        signature = await key.sign(sigv4.string_to_sign(ready, claim))
        signed = sigv4.with_signature(ready, claim, signature)
        return read_answer(await self._network.send(signed))
