"""How the fleet refuses ids of nodes."""

from ostler.capabilities.nodes.errors import InvalidInstanceId
from ostler.foundation.call import Call


def invalid_nodes(call: Call, *nodes: str) -> InvalidInstanceId:
    """What is said of ids that are unknown, deregistered or another account's: AWS's words."""
    return InvalidInstanceId(
        f"Instances [[{', '.join(nodes)}]] not in a valid state for account {call.account}"
    )
