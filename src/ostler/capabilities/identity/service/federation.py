"""Federation: people whom a provider of OpenID Connect vouches for take on roles."""

from collections.abc import Sequence
from dataclasses import replace

from ostler.capabilities.identity.errors import InvalidIdentityToken
from ostler.capabilities.identity.model.entities import Kind, account_in
from ostler.capabilities.identity.model.providers import Claims, Provider
from ostler.capabilities.identity.model.sessions import TemporaryCredentials
from ostler.capabilities.identity.service.ledger import Ledger
from ostler.capabilities.identity.service.lending import Lending, Wanted, trusting
from ostler.capabilities.identity.service.sessions import Sessions
from ostler.capabilities.identity.service.tokens import Tokens
from ostler.capabilities.identity.store import entities
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import AccountId
from ostler.foundation.outbound import Outbound

ASSUMING = "sts:AssumeRoleWithWebIdentity"


class Federation:
    """Lends roles to who brings a token of the provider.

    A role is theirs if the settings give it to a value of their claims (in the default account),
    or if its own trust policy trusts the provider.
    """

    def __init__(
        self,
        provider: Provider | None,
        outbound: Outbound | None,
        ledger: Ledger,
        sessions: Sessions,
        lending: Lending,
        clock: Clock,
    ) -> None:
        self.provider = provider
        self._tokens: Tokens | None = None
        if provider is not None and outbound is not None:
            self._tokens = Tokens(provider, outbound, clock)
        self._ledger = ledger
        self._sessions = sessions
        self._lending = lending

    async def roles_for(self, call: Call, token: str) -> tuple[Claims, Sequence[str]]:
        """What a token says, and the ARNs of the roles that the settings give to its bearer."""
        provider, claims = await self._verified(call, token)
        names = provider.roles_for(claims)
        found = await self._ledger.read(
            lambda tx: [entities.entity(tx, call.account, Kind.ROLE, name) for name in names]
        )
        return claims, [role.arn for role in found if role is not None]

    async def assume(
        self, call: Call, wanted: Wanted, token: str
    ) -> tuple[Claims, TemporaryCredentials]:
        """Lend a role to the bearer of a token."""
        provider, claims = await self._verified(call, token)
        account = AccountId(account_in(wanted.role_arn))
        role = await self._sessions.role(account, wanted.role_arn)
        if role is None or role.entity.arn != wanted.role_arn:
            raise _refused()
        given = account == call.account and role.entity.name in provider.roles_for(claims)
        if not given:
            context = {**provider.context(claims), "sts:RoleSessionName": [wanted.name]}
            names = {"Federated": [provider.arn(account)]}
            if not trusting(role.entity, names, context, action=ASSUMING):
                raise _refused()
        return claims, await self._lending.lend(role.entity, wanted)

    async def _verified(self, call: Call, token: str) -> tuple[Provider, Claims]:
        """The provider and what its token says; the call's record tells whose token it was."""
        if self.provider is None or self._tokens is None:
            raise InvalidIdentityToken("No OpenIDConnect provider found in your account.")
        claims = await self._tokens.claims(token)
        arn = f"{self.provider.arn(call.account)}/{claims['sub']}"
        call.caller = replace(call.caller, arn=arn[:2048])
        return self.provider, claims


def _refused() -> AccessDeniedException:
    return AccessDeniedException(f"Not authorized to perform {ASSUMING}")
