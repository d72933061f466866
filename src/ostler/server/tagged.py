"""The tags of every resource, whoever keeps them, so that policies may turn on them."""

from collections.abc import Mapping

from ostler.capabilities.identity import Identity
from ostler.foundation.call import ResourceTags
from ostler.foundation.storage import Scope


class Tagged:
    """Asks identity for the tags of what is its own, and the common table for all others."""

    def __init__(self, common: ResourceTags, identity: Identity) -> None:
        self._common = common
        self._identity = identity

    async def of(self, scope: Scope, arn: str) -> Mapping[str, str]:
        """The tags of a resource; none where there is no such."""
        if arn.startswith("arn:aws:iam::"):
            return await self._identity.tags_of(scope.account, arn)
        return await self._common.of(scope, arn)
