"""Inventory: the types of what a node is and has, and the attributes of each.

Source: AWS, Systems Manager user guide, "Metadata collected by inventory".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CUSTOM = "Custom:"
NODE = "AWS:InstanceInformation"
TAG = "AWS:Tag"

STRING = "string"
NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Schema:
    """A type: its version, its attributes with their data types, and what tells entries apart.

    Entries with the same values of `identity` are one thing at two times; without an identity an
    entry is itself only as long as nothing of it changes. `counted` are the attributes by which
    AWS aggregates. `version` is the newest one; `older` are those taken as well.
    """

    name: str
    version: str
    attributes: Mapping[str, str]
    display: str = ""
    identity: Sequence[str] = ()
    counted: Sequence[str] = ()
    older: Sequence[str] = ()


def _strings(names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), STRING)


def _numbers(names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), NUMBER)


_APPLICATION = _strings(
    "Name ApplicationType Publisher Version Release Epoch InstalledTime Architecture URL Summary "
    "PackageId"
)

COLLECTED: Mapping[str, Schema] = {
    schema.name: schema
    for schema in (
        Schema(
            "AWS:Application",
            "1.1",
            _APPLICATION,
            "Application",
            identity=("Name", "Architecture"),
            counted=("Name", "Version"),
            older=("1.0",),
        ),
        Schema(
            "AWS:AWSComponent",
            "1.0",
            _APPLICATION,
            "AWS component",
            identity=("Name", "Architecture"),
            counted=("Name", "Version"),
        ),
        Schema("AWS:BillingInfo", "1.0", _strings("BillingProductId"), "Billing info"),
        Schema(
            "AWS:File",
            "1.0",
            _strings(
                "Name Size Description FileVersion InstalledDate ModificationTime LastAccessTime "
                "ProductName InstalledDir ProductLanguage CompanyName ProductVersion"
            ),
            "File",
            identity=("InstalledDir", "Name"),
        ),
        Schema(
            "AWS:InstanceDetailedInformation",
            "1.0",
            _strings("CPUModel CPUHyperThreadEnabled OSServicePack KernelVersion")
            | _numbers("CPUCores CPUs CPUSpeedMHz CPUSockets"),
            "Instance detailed information",
            identity=("CPUModel",),
        ),
        Schema(
            "AWS:Network",
            "1.0",
            _strings("Name SubnetMask Gateway DHCPServer DNSServer MacAddress IPV4 IPV6"),
            "Network",
            identity=("Name",),
        ),
        Schema(
            "AWS:PatchCompliance",
            "1.0",
            _strings("Title KBId Classification Severity State InstalledTime"),
            "Patch compliance",
            identity=("KBId",),
        ),
        Schema(
            "AWS:PatchSummary",
            "1.0",
            _strings(
                "PatchGroup BaselineId SnapshotId OwnerInformation OperationType "
                "OperationStartTime OperationEndTime InstallOverrideList RebootOption "
                "LastNoRebootInstallOperationTime ExecutionId NonCompliantSeverity"
            )
            | _numbers(
                "InstalledCount InstalledPendingRebootCount InstalledOtherCount "
                "InstalledRejectedCount NotApplicableCount UnreportedNotApplicableCount "
                "MissingCount FailedCount SecurityNonCompliantCount CriticalNonCompliantCount "
                "OtherNonCompliantCount"
            ),
            "Patch summary",
            identity=("BaselineId",),
        ),
        Schema(
            "AWS:Service",
            "1.0",
            _strings(
                "Name DisplayName ServiceType Status DependentServices ServicesDependedOn StartType"
            ),
            "Service",
            identity=("Name",),
            counted=("Name", "DisplayName", "ServiceType", "Status", "StartType"),
        ),
        Schema(
            "AWS:WindowsRegistry",
            "1.0",
            _strings("KeyPath ValueName ValueType Value"),
            "Windows registry",
            identity=("KeyPath", "ValueName"),
        ),
        Schema(
            "AWS:WindowsRole",
            "1.0",
            _strings(
                "Name DisplayName Path FeatureType DependsOn Description Installed InstalledState "
                "SubFeatures ServerComponentDescriptor Parent"
            ),
            "Windows role",
            identity=("Name",),
            counted=("Name", "DisplayName", "FeatureType", "Installed"),
        ),
        Schema(
            "AWS:WindowsUpdate",
            "1.0",
            _strings("HotFixId Description InstalledTime InstalledBy"),
            "Windows update",
            identity=("HotFixId",),
        ),
    )
}
"""What nodes tell of themselves."""

KNOWN: Mapping[str, Schema] = {
    schema.name: schema
    for schema in (
        Schema(
            NODE,
            "1.0",
            _strings(
                "AgentStatus AgentType AgentVersion ComputerName InstanceId InstanceStatus "
                "IpAddress PlatformName PlatformType PlatformVersion ResourceType"
            ),
            "Instance information",
            identity=("InstanceId",),
            counted=("PlatformName", "PlatformType", "PlatformVersion", "AgentVersion"),
        ),
        Schema(TAG, "1.0", _strings("Key Value"), "Tag", identity=("Key",)),
    )
}
"""What the server knows of nodes by itself; nobody uploads it."""

SCHEMAS: Mapping[str, Schema] = dict(sorted({**COLLECTED, **KNOWN}.items()))
