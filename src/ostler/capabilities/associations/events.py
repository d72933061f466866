"""What happened to associations, for others to hear."""

from ostler.foundation.events import Announcement

SOURCE = "aws.ssm"
ASSOCIATION_CHANGE = "EC2 State Manager Association State Change"
NODE_CHANGE = "EC2 State Manager Instance Association State Change"


class AssociationTurned(Announcement, frozen=True, kw_only=True):
    """An association stands otherwise than before; `status` is AWS's coarse word."""

    association: str
    status: str


class NodeAssociationTurned(Announcement, frozen=True, kw_only=True):
    """An association began or ended on a node; `status` is AWS's coarse word, `details` finer."""

    association: str
    node: str
    status: str
    details: str
