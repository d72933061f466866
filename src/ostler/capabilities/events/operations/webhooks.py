"""The AWS API of connections and API destinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ostler.capabilities.events.model.names import CONNECTION, DESTINATION, arn_of, path_in
from ostler.capabilities.events.model.webhooks import (
    USUAL_PACE,
    Addition,
    Additions,
    Authorization,
    Connection,
    Destination,
    Way,
)
from ostler.capabilities.events.service.webhooks import Webhooks
from ostler.foundation.call import Call
from ostler.foundation.secrets import Sealed

if TYPE_CHECKING:
    from ostler.wire.shapes import events

# Nobody has to allow a connection here, and an API destination is there at once.
_AUTHORIZED = "AUTHORIZED"
_ACTIVE = "ACTIVE"


class WebhookOperations:
    """Keeps connections and API destinations."""

    service = "events"

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def create_connection(
        self, call: Call, given: events.CreateConnectionRequest
    ) -> Mapping[str, Any]:
        connection = Connection(
            name=given["Name"],
            id="",
            way=Way(given["AuthorizationType"]),
            sealed=Sealed(b""),
            created=call.at,
            modified=call.at,
            description=given.get("Description", ""),
        )
        known = _changed(Authorization(connection.way), given["AuthParameters"])
        return _brief(call, await self._webhooks.connect(call, connection, known))

    async def update_connection(
        self, call: Call, given: events.UpdateConnectionRequest
    ) -> Mapping[str, Any]:
        def change(former: Authorization) -> Authorization:
            way = Way(given.get("AuthorizationType", former.way))
            known = former if way is former.way else Authorization(way)
            return _changed(known, given.get("AuthParameters", {}))

        changed = await self._webhooks.change_connection(
            call, given["Name"], description=given.get("Description"), change=change
        )
        return _brief(call, changed)

    async def describe_connection(
        self, call: Call, given: events.DescribeConnectionRequest
    ) -> Mapping[str, Any]:
        connection, known = await self._webhooks.connection(call, given["Name"])
        return {
            **_connection(call, connection),
            "Description": connection.description,
            "AuthParameters": _shown(known),
        }

    async def delete_connection(
        self, call: Call, given: events.DeleteConnectionRequest
    ) -> Mapping[str, Any]:
        gone = await self._webhooks.disconnect(call, given["Name"])
        return {**_brief(call, gone), "ConnectionState": "DELETING"}

    async def list_connections(
        self, call: Call, given: events.ListConnectionsRequest
    ) -> Mapping[str, Any]:
        page = await self._webhooks.connections(
            call,
            given.get("NamePrefix", ""),
            call.page_request(given, default=100, most=100, limit="Limit"),
        )
        return call.paged("Connections", page, lambda one: _connection(call, one))

    async def create_api_destination(
        self, call: Call, given: events.CreateApiDestinationRequest
    ) -> Mapping[str, Any]:
        destination = Destination(
            name=given["Name"],
            id="",
            connection=path_in(call.scope, CONNECTION, given["ConnectionArn"]),
            endpoint=given["InvocationEndpoint"],
            method=given["HttpMethod"],
            created=call.at,
            modified=call.at,
            pace=given.get("InvocationRateLimitPerSecond", USUAL_PACE),
            description=given.get("Description", ""),
        )
        return _state(call, await self._webhooks.create(call, destination))

    async def update_api_destination(
        self, call: Call, given: events.UpdateApiDestinationRequest
    ) -> Mapping[str, Any]:
        def change(former: Destination) -> Destination:
            connection = given.get("ConnectionArn")
            return replace(
                former,
                connection=path_in(call.scope, CONNECTION, connection)
                if connection
                else former.connection,
                endpoint=given.get("InvocationEndpoint", former.endpoint),
                method=given.get("HttpMethod", former.method),
                pace=given.get("InvocationRateLimitPerSecond", former.pace),
                description=given.get("Description", former.description),
            )

        return _state(call, await self._webhooks.change(call, given["Name"], change))

    async def describe_api_destination(
        self, call: Call, given: events.DescribeApiDestinationRequest
    ) -> Mapping[str, Any]:
        found = await self._webhooks.get(call, given["Name"])
        return {**_destination(call, found), "Description": found.description}

    async def delete_api_destination(
        self, call: Call, given: events.DeleteApiDestinationRequest
    ) -> Mapping[str, Any]:
        await self._webhooks.delete(call, given["Name"])
        return {}

    async def list_api_destinations(
        self, call: Call, given: events.ListApiDestinationsRequest
    ) -> Mapping[str, Any]:
        arn = given.get("ConnectionArn")
        page = await self._webhooks.list(
            call,
            given.get("NamePrefix", ""),
            call.page_request(given, default=100, most=100, limit="Limit"),
            connection=path_in(call.scope, CONNECTION, arn) if arn else None,
        )
        return call.paged("ApiDestinations", page, lambda one: _destination(call, one))


# What connections know


def _changed(known: Authorization, given: Mapping[str, Any]) -> Authorization:
    """What a connection knows after a call that names some of it."""
    if "InvocationHttpParameters" in given:
        known = replace(known, additions=_additions(given["InvocationHttpParameters"]))
    part, name, secret = _MEMBERS[known.way]
    told = given.get(part)
    if told is None:
        return known
    if known.way is Way.OAUTH:
        client = told.get("ClientParameters", {})
        known = replace(
            known,
            endpoint=told.get("AuthorizationEndpoint", known.endpoint),
            method=told.get("HttpMethod", known.method),
            asking=_additions(told["OAuthHttpParameters"])
            if "OAuthHttpParameters" in told
            else known.asking,
        )
        told = client
    return replace(known, name=told.get(name, known.name), secret=told.get(secret, known.secret))


_MEMBERS: Mapping[Way, tuple[str, str, str]] = {
    Way.BASIC: ("BasicAuthParameters", "Username", "Password"),
    Way.API_KEY: ("ApiKeyAuthParameters", "ApiKeyName", "ApiKeyValue"),
    Way.OAUTH: ("OAuthParameters", "ClientID", "ClientSecret"),
}


def _shown(known: Authorization) -> Mapping[str, Any]:
    """What may be shown of it."""
    part, name, _ = _MEMBERS[known.way]
    shown: dict[str, Any] = {name: known.name}
    if known.way is Way.OAUTH:
        shown = {
            "ClientParameters": shown,
            "AuthorizationEndpoint": known.endpoint,
            "HttpMethod": known.method,
            "OAuthHttpParameters": _additions_shown(known.asking),
        }
    return {part: shown, "InvocationHttpParameters": _additions_shown(known.additions)}


def _additions(given: Mapping[str, Any]) -> Additions:
    def read(member: str) -> tuple[Addition, ...]:
        return tuple(
            Addition(each.get("Key", ""), each.get("Value", ""), each.get("IsValueSecret", False))
            for each in given.get(member, ())
        )

    return Additions(read(_HEADERS), read(_QUERY), read(_BODY))


def _additions_shown(additions: Additions) -> Mapping[str, Any]:
    def written(several: Sequence[Addition]) -> list[Mapping[str, Any]]:
        return [
            {"Key": each.key, "IsValueSecret": each.secret}
            | ({} if each.secret else {"Value": each.value})
            for each in several
        ]

    members = {_HEADERS: additions.headers, _QUERY: additions.query, _BODY: additions.body}
    return {member: written(several) for member, several in members.items() if several}


_HEADERS, _QUERY, _BODY = "HeaderParameters", "QueryStringParameters", "BodyParameters"


# What is answered


def _brief(call: Call, connection: Connection) -> dict[str, Any]:
    return {
        "ConnectionArn": arn_of(call.scope, CONNECTION, connection.path),
        "ConnectionState": _AUTHORIZED,
        "CreationTime": connection.created,
        "LastModifiedTime": connection.modified,
        "LastAuthorizedTime": connection.modified,
    }


def _connection(call: Call, connection: Connection) -> dict[str, Any]:
    return {
        **_brief(call, connection),
        "Name": connection.name,
        "AuthorizationType": connection.way.value,
    }


def _state(call: Call, destination: Destination) -> dict[str, Any]:
    return {
        "ApiDestinationArn": arn_of(call.scope, DESTINATION, destination.path),
        "ApiDestinationState": _ACTIVE,
        "CreationTime": destination.created,
        "LastModifiedTime": destination.modified,
    }


def _destination(call: Call, destination: Destination) -> dict[str, Any]:
    return {
        **_state(call, destination),
        "Name": destination.name,
        "ConnectionArn": arn_of(call.scope, CONNECTION, destination.connection),
        "InvocationEndpoint": destination.endpoint,
        "HttpMethod": destination.method,
        "InvocationRateLimitPerSecond": destination.pace,
    }
