"""What happened to nodes' compliance."""

from datetime import datetime

from ostler.foundation.events import Announcement


class ComplianceChanged(Announcement, frozen=True, kw_only=True):
    """A node became compliant in a type of compliance, or ceased to be."""

    node: str
    kind: str
    compliant: bool


def compliance_changed(
    arn: str, *, node: str, kind: str, compliant: bool, executed: datetime
) -> ComplianceChanged:
    """The event, with the members that EventBridge's "Configuration Compliance State Change" has.

    AWS, Systems Manager user guide, "Reference: EventBridge event patterns and types".
    """
    return ComplianceChanged(
        source="aws.ssm",
        detail_type="Configuration Compliance State Change",
        resources=(arn,),
        detail={
            "last-runtime": f"{executed:%Y-%m-%dT%H:%M:%SZ}",
            "compliance-status": "compliant" if compliant else "non_compliant",
            "resource-type": "managed-instance",
            "resource-id": node,
            "compliance-type": kind,
        },
        node=node,
        kind=kind,
        compliant=compliant,
    )
