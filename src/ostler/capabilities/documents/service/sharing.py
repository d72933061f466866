"""Sharing: letting other accounts use a document."""

from collections.abc import Sequence

from ostler.capabilities.documents.errors import DocumentPermissionLimit, InvalidDocument
from ostler.capabilities.documents.model.names import DEFAULT
from ostler.capabilities.documents.model.sharing import (
    EVERYBODY,
    MOST_PUBLIC,
    Share,
    check_shares,
    normalized,
)
from ostler.capabilities.documents.store import documents, sharing
from ostler.capabilities.settings import PUBLIC_SHARING, ServiceSettings
from ostler.foundation.call import Call
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction


class Sharing:
    """Who may use a document besides its owner."""

    def __init__(self, storage: Storage, settings: ServiceSettings) -> None:
        self._storage = storage
        self._settings = settings

    async def change(
        self,
        call: Call,
        name: str,
        added: Sequence[str],
        removed: Sequence[str],
        version: str | None,
    ) -> None:
        """Share the document with some and no longer with others; removing weighs more."""
        await call.allow(call.arn("document", name))
        if not added and not removed:
            raise ValidationException(
                "Specify AccountIdsToAdd or AccountIdsToRemove: nothing is to be changed."
            )
        gone = [normalized(account) for account in removed]
        new = [Share(normalized(account), version or DEFAULT) for account in added]

        def put(tx: Transaction) -> None:
            _expect(tx, name)
            check_shares(new)
            kept = {share.account: share for share in sharing.of(tx, name)}
            was_public = EVERYBODY in kept
            kept.update({share.account: share for share in new})
            left = [share for account, share in kept.items() if account not in gone]
            check_shares(left)
            sharing.remove(tx, name, gone)
            sharing.put(tx, name, [share for share in new if share.account not in gone])
            is_public = any(share.account == EVERYBODY for share in left)
            if is_public and not was_public:
                self._expect_allowed(tx)
            if is_public and not was_public and sharing.count_public(tx) > MOST_PUBLIC:
                raise DocumentPermissionLimit(
                    f"An account can share {MOST_PUBLIC} documents with everybody."
                )

        await self._storage.write(call.scope, put)

    def _expect_allowed(self, tx: Transaction) -> None:
        if self._settings.value(tx, PUBLIC_SHARING) == "Disable":
            raise AccessDeniedException(
                f"The service setting {PUBLIC_SHARING} forbids to share documents with everybody."
            )

    async def list(self, call: Call, name: str, asked: PageRequest) -> Page[Share]:
        """With whom the document is shared."""
        await call.allow(call.arn("document", name))
        after = asked.after[0] if asked.after else None

        def look(tx: Transaction) -> Sequence[Share]:
            _expect(tx, name)
            return sharing.page(tx, name, after, asked.limit + 1)

        found = await self._storage.read(call.scope, look)
        return Page.cut(found, asked.limit, lambda share: (share.account,))


def _expect(tx: Transaction, name: str) -> None:
    if not documents.exists(tx, name):
        raise InvalidDocument(f"Document with name {name} does not exist.")
