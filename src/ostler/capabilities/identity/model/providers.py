"""The OpenID Connect provider that says who people are, and which roles that gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ostler.foundation.ids import AccountId

Claims = Mapping[str, Any]
"""What a provider's token says of somebody, once its signature held."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider, and what of its tokens counts here.

    `roles` pairs a value of the claim with the name of a role that it gives; `*` is everybody.
    """

    issuer: str
    client_id: str
    scopes: str = "openid profile email"
    claim: str = "groups"
    roles: Sequence[tuple[str, str]] = ()

    @property
    def name(self) -> str:
        """The issuer as ARNs and condition keys have it: without its scheme."""
        return self.issuer.partition("://")[2].rstrip("/")

    def arn(self, account: AccountId) -> str:
        """How trust policies name the provider."""
        return f"arn:aws:iam::{account}:oidc-provider/{self.name}"

    def roles_for(self, claims: Claims) -> Sequence[str]:
        """The names of the roles that the settings give to who has these claims, each once."""
        values = _texts(claims.get(self.claim))
        given = [role for value, role in self.roles if value == "*" or value in values]
        return list(dict.fromkeys(given))

    def context(self, claims: Claims) -> Mapping[str, Sequence[str]]:
        """The claims as condition keys of trust policies: `issuer.example.org:sub`."""
        known = {f"{self.name}:{key}": _texts(value) for key, value in claims.items()}
        return {
            **{key: values for key, values in known.items() if values},
            f"{self.name}:aud": [self.client_id],
        }


def _texts(value: object) -> list[str]:
    match value:
        case bool():
            return [str(value).lower()]
        case str() | int() | float():
            return [str(value)]
        case list():
            return [each for each in value if isinstance(each, str)]
    return []
