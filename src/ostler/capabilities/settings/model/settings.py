"""Settings: what an account may choose in a region, and what holds until it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ostler.capabilities.settings.errors import ServiceSettingNotFound
from ostler.foundation.errors import ValidationException

NOTHING = "$None"
"""What AWS calls the value of a setting that names something and names nothing."""
SYSTEM = "System"
"""Who has set what nobody set."""

DEFAULT_TIER = "/ssm/parameter-store/default-parameter-tier"
DEFAULT_ROLE = "/ssm/managed-instance/default-ec2-instance-management-role"
PUBLIC_SHARING = "/ssm/documents/console/public-sharing-permission"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting may be; any text where no values are named."""

    default: str
    values: Sequence[str] = ()


KINDS: Mapping[str, Kind] = {
    "/ssm/appmanager/appmanager-enabled": Kind("False", ("True", "False")),
    "/ssm/automation/customer-script-log-destination": Kind(NOTHING, ("CloudWatch",)),
    "/ssm/automation/customer-script-log-group-name": Kind(NOTHING),
    "/ssm/automation/enable-adaptive-concurrency": Kind("False", ("True", "False")),
    PUBLIC_SHARING: Kind("Enable", ("Enable", "Disable")),
    "/ssm/managed-instance/activation-tier": Kind("standard", ("standard", "advanced")),
    DEFAULT_ROLE: Kind(NOTHING),
    "/ssm/opsinsights/opscenter": Kind("Disabled", ("Enabled", "Disabled")),
    DEFAULT_TIER: Kind("Standard", ("Standard", "Advanced", "Intelligent-Tiering")),
    "/ssm/parameter-store/high-throughput-enabled": Kind("false", ("true", "false")),
}
"""Every setting that AWS documents."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it stands; `modified` is None where nobody has set it."""

    id: str
    value: str
    modified: datetime | None = None
    author: str = SYSTEM


def setting_id(given: str, own: str) -> str:
    """The id of a setting that is named by itself or by an ARN that begins with `own`."""
    id_ = f"/{given.removeprefix(own)}" if given.startswith(own) else given
    if id_ not in KINDS:
        raise ServiceSettingNotFound(f"There is no service setting {given}.")
    return id_


def check_value(id_: str, value: str) -> None:
    """Refuse a value that the setting cannot take."""
    values = KINDS[id_].values
    if values and value not in values:
        raise ValidationException(
            f"The setting {id_} cannot be {value}; it is one of {', '.join(values)}."
        )
