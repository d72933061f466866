"""Access: the ARNs by which policies name groups and streams, and whether there are such."""

from ostler.capabilities.logs.errors import ResourceNotFoundException
from ostler.capabilities.logs.model.logs import Group, Stream
from ostler.capabilities.logs.store import groups as store
from ostler.foundation.call import Call
from ostler.foundation.storage import Transaction


async def allow(call: Call, group: str = "", stream: str = "", *, action: str = "") -> None:
    """Raise AccessDeniedException unless the caller may; AWS's ARN of a group ends so, too."""
    arn = f"arn:aws:logs:{call.region}:{call.account}:log-group:{group}:log-stream:{stream}"
    await call.allow(arn, action=action)


def group_arn(call: Call, group: str) -> str:
    """The ARN of a group."""
    return f"arn:aws:logs:{call.region}:{call.account}:log-group:{group}"


def the_group(tx: Transaction, name: str) -> Group:
    """The group of that name."""
    found = store.find(tx, name)
    if found is None:
        raise ResourceNotFoundException("The specified log group does not exist.")
    return found


def the_stream(tx: Transaction, group: Group, name: str) -> Stream:
    """The stream of that name in the group."""
    found = store.find_stream(tx, group.number, name)
    if found is None:
        raise ResourceNotFoundException("The specified log stream does not exist.")
    return found
