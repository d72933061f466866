"""What happened to parameters, in the shape that EventBridge gives to it; values are not told."""

from enum import StrEnum
from typing import Any

from ostler.foundation.events import Announcement

SOURCE = "aws.ssm"
CHANGE = "Parameter Store Change"
POLICY_ACTION = "Parameter Store Policy Action"


class Operation(StrEnum):
    """What was done to a parameter."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"
    LABEL = "LabelParameterVersion"


class ParameterChanged(Announcement, frozen=True):
    """A parameter was written, labelled or deleted."""


def parameter_changed(
    arn: str, operation: Operation, *, name: str, kind: str, description: str = ""
) -> ParameterChanged:
    """A parameter was written, labelled or deleted."""
    detail = {"operation": operation.value, "name": name, "type": kind}
    if description:
        detail["description"] = description
    return ParameterChanged(SOURCE, CHANGE, detail, (arn,))


def image_refused(arn: str, operation: Operation, *, name: str, data_type: str) -> Announcement:
    """A parameter was not written after all, since its value is no image."""
    detail = {
        "operation": operation.value,
        "name": name,
        "type": "String",
        "dataType": data_type,
        "exception": "Unable to Describe Resource",
    }
    return Announcement(SOURCE, CHANGE, detail, (arn,))


def policy_acted(arn: str, *, name: str, kind: str, policy: str, content: str) -> Announcement:
    """The time of a parameter's policy has come."""
    detail: dict[str, Any] = {
        "parameter-name": name,
        "parameter-type": kind,
        "policy-type": policy,
        "policy-content": content,
        "action-status": "Success",
    }
    return Announcement(SOURCE, POLICY_ACTION, detail, (arn,))
