"""The courier: brings jobs to nodes, whichever process of the house they are connected to."""

from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.ids import AccountId, NodeId, Region
from ostler.foundation.nudges import Nudges
from ostler.foundation.storage import Scope
from ostler.relay.mailbox import Mailbox
from ostler.wire.agent.jobs import Job

SOMETHING_WAITS = "something-waits"
ANYTHING_WAITS = "anything-waits"
DEREGISTERED = "deregistered"
_BECAUSE = "the node is deregistered"


class Courier:
    """What commands give jobs to, and nodes' departures are told to.

    It is there before the mailbox, which needs commands, as commands need it. A node that is not
    connected here may be so elsewhere: the other processes are nudged, and ask the database.
    """

    mailbox: Mailbox

    def __init__(self, nudges: Nudges) -> None:
        self._nudges = nudges

    def serve(self, mailbox: Mailbox) -> None:
        """Bring by this mailbox from now on, and look after it when others nudge."""
        self.mailbox = mailbox
        self._nudges.listen(SOMETHING_WAITS, self._collect)
        self._nudges.listen(ANYTHING_WAITS, self._collect_all)
        self._nudges.listen(DEREGISTERED, self._part)
        self._nudges.when_reopened(mailbox.collect_all)

    async def bring(self, scope: Scope, node: NodeId, job: Job) -> None:
        """Bring `job` to `node`, now or when it next calls."""
        if not self.mailbox.has_channel(scope, node):
            self._nudges.send(SOMETHING_WAITS, _name(scope, node))
        await self.mailbox.bring(scope, node, job)

    async def part(self, scope: Scope, event: NodeDeregistered) -> None:
        """Close the channel of a node that is none any more."""
        node = NodeId(event.node)
        self._nudges.send(DEREGISTERED, _name(scope, node))
        self.mailbox.part(scope, node, _BECAUSE)

    async def look_everywhere(self) -> None:
        """Ask for everybody, here and in all processes: one has died, perhaps amid its nudges."""
        self._nudges.send(ANYTHING_WAITS, "")
        await self.mailbox.collect_all()

    async def _collect_all(self, _: str) -> None:
        await self.mailbox.collect_all()

    async def _collect(self, name: str) -> None:
        await self.mailbox.collect(*_named(name))

    async def _part(self, name: str) -> None:
        self.mailbox.part(*_named(name), _BECAUSE)


def _name(scope: Scope, node: NodeId) -> str:
    return f"{scope.account}/{scope.region}/{node}"


def _named(name: str) -> tuple[Scope, NodeId]:
    account, region, node = name.split("/")
    return Scope(AccountId(account), Region(region)), NodeId(node)
