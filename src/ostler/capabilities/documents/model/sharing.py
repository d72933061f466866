"""Sharing: with whom, and which of the versions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ostler.capabilities.documents.errors import DocumentPermissionLimit
from ostler.capabilities.documents.model.documents import Selection
from ostler.capabilities.documents.model.names import DEFAULT, LATEST

EVERYBODY = "all"
MOST_ACCOUNTS = 1000
MOST_PUBLIC = 5

_ALL_VERSIONS = "$ALL"


@dataclass(frozen=True, slots=True)
class Share:
    """An account, or everybody, and what it may use: $DEFAULT, $LATEST or $ALL."""

    account: str
    version: str = DEFAULT

    def opens(self, selection: Selection) -> Selection | None:
        """What the guest gets who asks for `selection`; None when it is not for guests.

        A guest who names no version gets the one that is shared.
        """
        if self.version == _ALL_VERSIONS:
            return selection
        if selection.is_default:
            return Selection(self.version)
        return selection if selection.version == self.version else None

    @property
    def selection(self) -> Selection:
        """The version that a guest sees in lists."""
        return Selection(LATEST if self.version == LATEST else DEFAULT)


def normalized(account: str) -> str:
    """Everybody is written all, All and ALL."""
    return EVERYBODY if account.lower() == EVERYBODY else account


def check_shares(shares: Sequence[Share]) -> None:
    """DocumentPermissionLimit when there are too many guests, or everybody and somebody."""
    accounts = {share.account for share in shares}
    if EVERYBODY in accounts and len(accounts) > 1:
        raise DocumentPermissionLimit("Accounts can either be all or a group of AWS accounts")
    if len(accounts) > MOST_ACCOUNTS:
        raise DocumentPermissionLimit(
            f"A document can be shared with {MOST_ACCOUNTS} accounts at most."
        )


def best_of(shares: Iterable[Share]) -> Share | None:
    """The share that opens most, when one account finds several."""
    order = (_ALL_VERSIONS, LATEST, DEFAULT)
    return min(shares, key=lambda share: order.index(share.version), default=None)
