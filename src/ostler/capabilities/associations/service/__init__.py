"""The deeds of State Manager: what callers do, what nodes say, what happens by itself."""

from ostler.capabilities.associations.service.applying import Applying
from ostler.capabilities.associations.service.associations import (
    RESOURCE,
    Associations,
    Named,
    View,
)
from ostler.capabilities.associations.service.checking import Checking
from ostler.capabilities.associations.service.complying import Compliance, Complying
from ostler.capabilities.associations.service.history import Effective, History
from ostler.capabilities.associations.service.moves import (
    DEADLINE_TIMER,
    DUE_TIMER,
    HISTORY,
    Moves,
)
from ostler.capabilities.associations.service.neighbours import (
    Documents,
    DocumentVersion,
    Fleet,
    Roles,
    Tags,
    Teller,
)
from ostler.capabilities.associations.service.standings import NodeOverview, Standings
from ostler.capabilities.associations.service.telling import Untold
from ostler.capabilities.associations.store.associations import Wanted, exists
from ostler.capabilities.associations.store.executions import (
    WantedExecutions,
    WantedRuns,
    statuses_named,
)
from ostler.capabilities.associations.store.members import Held

__all__ = [
    "DEADLINE_TIMER",
    "DUE_TIMER",
    "HISTORY",
    "RESOURCE",
    "Applying",
    "Associations",
    "Checking",
    "Compliance",
    "Complying",
    "DocumentVersion",
    "Documents",
    "Effective",
    "Fleet",
    "Held",
    "History",
    "Moves",
    "Named",
    "NodeOverview",
    "Roles",
    "Standings",
    "Tags",
    "Teller",
    "Untold",
    "View",
    "Wanted",
    "WantedExecutions",
    "WantedRuns",
    "exists",
    "statuses_named",
]
