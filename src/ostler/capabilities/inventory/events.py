"""What happened to inventories."""

from ostler.foundation.events import Announcement, Event


class InventoryChanged(Event, frozen=True):
    """A node has other things of a type than before, or tells of the type for the first time."""

    node: str
    type_name: str


class InventoryDeleted(Announcement, frozen=True, kw_only=True):
    """What a node had of a custom type was deleted because somebody asked for it."""

    node: str
    type_name: str


def inventory_deleted(arn: str, *, node: str, type_name: str) -> InventoryDeleted:
    """The event, with the members of EventBridge's "Inventory Resource State Change".

    AWS, Systems Manager user guide, "Viewing inventory delete actions in EventBridge".
    """
    return InventoryDeleted(
        source="aws.ssm",
        detail_type="Inventory Resource State Change",
        resources=(arn,),
        detail={
            "action-status": "success",
            "action": "delete",
            "resource-type": "managed-instance",
            "resource-id": node,
            "action-reason": "",
            "type-name": type_name,
        },
        node=node,
        type_name=type_name,
    )
