"""The default role: what a node is lent while its own role cannot be lent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ostler.foundation.errors import ValidationException

SETTING = "ssm/managed-instance/default-ec2-instance-management-role"
"""The service setting that AWS keeps it in, and by which policies name it."""
SERVICE_ROLE = "AWSSystemsManagerDefaultEC2InstanceManagementRole"
SERVICE_ROLE_PATH = "/service-role/"
SERVICE_POLICY = "arn:aws:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy"


class PermissionModel(StrEnum):
    """Who provides the role."""

    SERVICE_MANAGED = "SERVICE_MANAGED"
    SELF_MANAGED = "SELF_MANAGED"


@dataclass(frozen=True, slots=True)
class DefaultRole:
    """The role that an account has registered in a region."""

    arn: str
    model: PermissionModel
    registered: datetime


@dataclass(frozen=True, slots=True)
class DefaultRoleOrder:
    """What shall be registered; `role` is an ARN, and empty where the service provides it."""

    model: PermissionModel
    role: str = ""
    overwrite: bool = False

    def check(self) -> None:
        """Raise ValidationException when it contradicts itself."""
        if self.model is PermissionModel.SELF_MANAGED and not self.role:
            raise ValidationException("RoleArn is required when PermissionModel is SELF_MANAGED.")
        if self.model is PermissionModel.SERVICE_MANAGED and self.role:
            raise ValidationException(
                "RoleArn must not be set when PermissionModel is SERVICE_MANAGED."
            )

    def check_replaces(self, known: DefaultRole | None) -> None:
        """Raise ValidationException when another role stands in the way."""
        if known is None or self.overwrite or self._means(known):
            return
        raise ValidationException(
            f"The role {known.arn} is registered for Default Host Management Configuration "
            "already. Set Overwrite to true to replace it."
        )

    def _means(self, known: DefaultRole) -> bool:
        return self.model is known.model and self.role in ("", known.arn)
