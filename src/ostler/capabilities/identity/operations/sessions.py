"""STS: who one is, and credentials for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ostler.capabilities.identity.model.sessions import TemporaryCredentials
from ostler.capabilities.identity.operations import answers
from ostler.capabilities.identity.service import Identity, Wanted
from ostler.capabilities.identity.service.federation import Federation
from ostler.foundation.call import Call
from ostler.foundation.errors import NotYetImplemented

if TYPE_CHECKING:
    from ostler.wire.shapes import sts

_HOUR = 3600
_HALF_A_DAY = 43_200


class SessionOperations:
    """Tells callers who they are, and lends roles."""

    service = "sts"

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def get_caller_identity(self, call: Call, given: sts.GetCallerIdentityRequest) -> Any:
        call.allow_anybody()
        caller = call.caller
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}

    async def assume_role(self, call: Call, given: sts.AssumeRoleRequest) -> Any:
        for member in ("SerialNumber", "TokenCode", "SourceIdentity", "ProvidedContexts"):
            if member in given:
                raise NotYetImplemented(f"AssumeRole with {member} is not built yet.")
        wanted = Wanted(
            given["RoleArn"],
            given["RoleSessionName"],
            timedelta(seconds=given.get("DurationSeconds", _HOUR)),
            policy=given.get("Policy"),
            policy_arns=[each["arn"] for each in given.get("PolicyArns", [])],
            tags=answers.tags_of(given.get("Tags")),
            external_id=given.get("ExternalId"),
        )
        return _assumed(await self._identity.assume_role(call, wanted))

    async def get_session_token(self, call: Call, given: sts.GetSessionTokenRequest) -> Any:
        if "SerialNumber" in given or "TokenCode" in given:
            raise NotYetImplemented("Nobody has a device for a second factor yet.")
        duration = timedelta(seconds=given.get("DurationSeconds", _HALF_A_DAY))
        return {"Credentials": _written(await self._identity.session_of_user(call, duration))}


class FederationOperations:
    """Lends roles to people whom the provider of OpenID Connect vouches for; nobody signs."""

    service = "sts"

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    async def get_web_identity_provider(
        self, call: Call, given: sts.GetWebIdentityProviderRequest
    ) -> Any:
        provider = self._federation.provider
        if provider is None:
            return {}
        return {
            "Issuer": provider.issuer,
            "ClientId": provider.client_id,
            "Scopes": provider.scopes,
        }

    async def list_roles_for_web_identity(
        self, call: Call, given: sts.ListRolesForWebIdentityRequest
    ) -> Any:
        claims, arns = await self._federation.roles_for(call, given["WebIdentityToken"])
        return {"SubjectFromWebIdentityToken": claims["sub"], "RoleArns": arns}

    async def assume_role_with_web_identity(
        self, call: Call, given: sts.AssumeRoleWithWebIdentityRequest
    ) -> Any:
        wanted = Wanted(
            given["RoleArn"],
            given["RoleSessionName"],
            timedelta(seconds=given.get("DurationSeconds", _HOUR)),
            policy=given.get("Policy"),
            policy_arns=[each["arn"] for each in given.get("PolicyArns", [])],
        )
        token = given["WebIdentityToken"]
        claims, credentials = await self._federation.assume(call, wanted, token)
        provider = self._federation.provider
        return {
            **_assumed(credentials),
            "SubjectFromWebIdentityToken": claims["sub"],
            "Audience": provider.client_id if provider is not None else "",
            "Provider": claims["iss"],
        }


def _assumed(credentials: TemporaryCredentials) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Credentials": _written(credentials),
        "AssumedRoleUser": {"AssumedRoleId": credentials.user_id, "Arn": credentials.arn},
    }
    if credentials.packed is not None:
        answer["PackedPolicySize"] = credentials.packed
    return answer


def _written(credentials: TemporaryCredentials) -> sts.Credentials:
    return {
        "AccessKeyId": credentials.access_key,
        "SecretAccessKey": credentials.secret,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expires,
    }
