"""What happened to tags."""

from collections.abc import Iterable, Mapping

from ostler.foundation.events import Announcement, Event


class TagsChanged(Event, frozen=True):
    """A resource carries other tags than before; tag targets and tag conditions may differ."""

    kind: str
    id: str


def tag_change(
    arn: str, resource_type: str, changed: Iterable[str], tags: Mapping[str, str]
) -> Announcement:
    """A resource carries other tags than before, as EventBridge has it (without AWS's version)."""
    detail = {
        "changed-tag-keys": sorted(changed),
        "service": arn.split(":")[2],
        "resource-type": resource_type,
        "tags": dict(tags),
    }
    return Announcement("aws.tag", "Tag Change on Resource", detail, (arn,))
