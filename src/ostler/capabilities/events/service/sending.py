"""Sending: each parcel of a rule is brought to its target, in the target's own way."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ostler.capabilities.events.model.names import DESTINATION, arn_of, name_in, rule_arn
from ostler.capabilities.events.model.rules import Rule
from ostler.capabilities.events.model.targets import SERVICE, Extras, Kind, Target
from ostler.capabilities.events.model.webhooks import (
    SIGNATURE,
    Authorization,
    Connection,
    Destination,
    Way,
    signature,
    url_of,
)
from ostler.capabilities.events.service.neighbours import Roles
from ostler.capabilities.events.service.tokens import Tokens, basic, with_body
from ostler.capabilities.events.service.webhooks import Vault
from ostler.capabilities.events.store import rules as rule_store
from ostler.capabilities.events.store import webhooks as webhook_store
from ostler.foundation.call import Call, Caller
from ostler.foundation.clock import Clock
from ostler.foundation.deliveries import NotNow, Parcel, Undeliverable, call_out
from ostler.foundation.errors import (
    AccessDeniedException,
    ApiError,
    InternalServerError,
    ThrottlingException,
)
from ostler.foundation.ids import Ids
from ostler.foundation.invoke import Invoke
from ostler.foundation.outbound import Outbound
from ostler.foundation.policy import Policy
from ostler.foundation.secrets import SealBroken
from ostler.foundation.storage import Scope, Storage, Transaction

_UNAUTHORIZED = 401
_SESSION = "events"
_AGENT = "Ostler/EventBridge/ApiDestinations"


class Sending:
    """Brings the parcels of rules to their targets."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        roles: Roles,
        invoke: Invoke,
        outbound: Outbound,
        vault: Vault,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._roles = roles
        self._invoke = invoke
        self._outbound = outbound
        self._vault = vault
        self._tokens = Tokens(outbound, clock)

    async def send(self, scope: Scope, parcel: Parcel) -> None:
        """Bring a parcel; what its rule does not tell any more is dropped."""
        bus, name, target_id = (str(parcel.content[each]) for each in ("bus", "rule", "target"))

        def look(tx: Transaction) -> tuple[Rule, Target] | None:
            rule = rule_store.rule(tx, bus, name)
            target = rule_store.target(tx, bus, name, target_id)
            return None if rule is None or target is None else (rule, target)

        found = await self._storage.read(scope, look)
        if found is None:
            return
        rule, target = found
        arn = rule_arn(scope, bus, name)
        ingested = datetime.fromisoformat(parcel.content["ingested"])
        text = target.told(rule, arn, parcel.content["event"], ingested)
        match target.kind:
            case Kind.COMMAND:
                await self._command(scope, target, text)
            case Kind.TOPIC:
                await self._topic(scope, target, parcel, text)
            case Kind.WEBHOOK:
                await self._webhook(scope, target, parcel, text)

    async def _command(self, scope: Scope, target: Target, text: str) -> None:
        document = target.arn.partition("document/")[2]
        given = {
            "DocumentName": document,
            "Targets": [{"Key": key, "Values": list(values)} for key, values in target.nodes],
            "Parameters": _parameters(text),
        }
        caller = await self._acting(scope, target.role)
        await self._asked(scope, caller, "ssm", "SendCommand", given)

    async def _topic(self, scope: Scope, target: Target, parcel: Parcel, text: str) -> None:
        caller = (
            await self._acting(scope, target.role) if target.role else _publisher(scope, target.arn)
        )
        given = {"TopicArn": target.arn, "Message": text}
        if target.arn.endswith(".fifo"):
            given |= {"MessageGroupId": "events", "MessageDeduplicationId": parcel.id}
        await self._asked(scope, caller, "sns", "Publish", given)

    async def _webhook(self, scope: Scope, target: Target, parcel: Parcel, text: str) -> None:
        caller = await self._acting(scope, target.role)
        try:
            call = self._call(scope, caller, "events:InvokeApiDestination")
            await call.allow(target.arn)
        except AccessDeniedException as refusal:
            raise Undeliverable(refusal.message) from refusal
        destination, known = await self._destination(scope, target)
        try:
            await self._called(destination, known, target.extras or Extras(), parcel.id, text)
        except NotNow as refusal:
            if refusal.status == _UNAUTHORIZED:
                self._tokens.forget(known)
            raise

    async def _called(
        self, to: Destination, known: Authorization, extras: Extras, message: str, text: str
    ) -> None:
        now = int(self._clock.now().timestamp())
        body = b"" if to.method in ("GET", "HEAD") else with_body(text, known.additions.body)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": _AGENT,
            "webhook-id": message,
            "webhook-timestamp": str(now),
            **{name.lower(): value for name, value in extras.headers.items()},
            **{each.key.lower(): each.value for each in known.additions.headers},
        }
        match known.way:
            case Way.BASIC:
                headers["authorization"] = basic(known.name, known.secret)
            case Way.API_KEY if known.name.lower() == SIGNATURE:
                headers[SIGNATURE] = signature(known.secret, message, now, body)
            case Way.API_KEY:
                headers[known.name.lower()] = known.secret
            case Way.OAUTH:
                headers["authorization"] = f"Bearer {await self._tokens.get(known)}"
        url = url_of(to.endpoint, extras, known.additions.query)
        await call_out(self._outbound, to.method, url, headers, body)

    async def _destination(self, scope: Scope, target: Target) -> tuple[Destination, Authorization]:
        path = target.arn.removeprefix(arn_of(scope, DESTINATION, ""))

        def look(tx: Transaction) -> tuple[Destination, Connection | None] | None:
            destination = webhook_store.destination(tx, name_in(path))
            # AWS's ARN has an id at its end, by which another one of the same name is told.
            if destination is None or path not in (destination.name, destination.path):
                return None
            return destination, webhook_store.connection(tx, name_in(destination.connection))

        found = await self._storage.read(scope, look)
        destination, connection = found or (None, None)
        if destination is None or connection is None:
            raise Undeliverable(f"There is no {target.arn}.")
        try:
            return destination, self._vault.open(scope, connection)
        except SealBroken as fault:
            raise Undeliverable(f"The connection {connection.name} cannot be opened.") from fault

    async def _acting(self, scope: Scope, role: str) -> Caller:
        """Whoever acts in the target's role, if it still trusts events."""
        if not await self._roles.role_exists(scope, role, SERVICE):
            raise Undeliverable(f"There is no role {role}, or it does not trust {SERVICE}.")
        name = role.rpartition("/")[2]
        return await self._roles.role_caller(scope.account, name, _SESSION)

    async def _asked(
        self, scope: Scope, caller: Caller, service: str, operation: str, given: Mapping[str, Any]
    ) -> None:
        try:
            await self._invoke(self._call(scope, caller, ""), service, operation, given)
        except (ThrottlingException, InternalServerError) as fault:
            raise NotNow(f"{fault.code}: {fault.message}") from fault
        except ApiError as refusal:
            raise Undeliverable(f"{refusal.code}: {refusal.message}") from refusal

    def _call(self, scope: Scope, caller: Caller, action: str) -> Call:
        return Call(scope, caller, self._ids.uuid(), action, self._clock.now())


def _parameters(text: str) -> Mapping[str, Any]:
    """The command's parameters: an object whose members are lists of texts, or single texts."""
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Undeliverable("The input is no JSON object of the document's parameters.")
    return {
        name: [_text(each) for each in (value if isinstance(value, list) else [value])]
        for name, value in given.items()
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _publisher(scope: Scope, topic: str) -> Caller:
    """Events themselves, who may tell this topic: whoever made it a target may do so, too."""
    policy = Policy.parse(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic},
        }
    )
    return Caller(SERVICE, scope.account, SERVICE, policies=(policy,))
