"""The AWS API of activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.nodes.model.activations import (
    Activation,
    ActivationFilter,
    ActivationOrder,
)
from ostler.capabilities.nodes.service.activations import Activations
from ostler.capabilities.tags import paired
from ostler.foundation.call import Call
from ostler.foundation.ids import ActivationId

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


class ActivationOperations:
    """Makes, lists and deletes activations."""

    service = "ssm"

    def __init__(self, activations: Activations) -> None:
        self._activations = activations

    async def create_activation(
        self, call: Call, given: ssm.CreateActivationRequest
    ) -> ssm.CreateActivationResult:
        order = ActivationOrder(
            role=given["IamRole"],
            limit=given.get("RegistrationLimit", 1),
            expires=given.get("ExpirationDate"),
            description=given.get("Description", ""),
            default_name=given.get("DefaultInstanceName", ""),
            tags=paired((tag["Key"], tag["Value"]) for tag in given.get("Tags", [])),
            metadata={item["Key"]: item["Value"] for item in given.get("RegistrationMetadata", [])},
        )
        activation, code = await self._activations.create(call, order)
        return {"ActivationId": activation.id, "ActivationCode": code}

    async def describe_activations(
        self, call: Call, given: ssm.DescribeActivationsRequest
    ) -> Mapping[str, Any]:
        filters = [
            ActivationFilter.read(wanted.get("FilterKey"), wanted.get("FilterValues"))
            for wanted in given.get("Filters", [])
        ]
        asked = call.page_request(given, default=50, most=50)
        page = await self._activations.list(call, filters, asked)
        return call.paged("ActivationList", page, lambda item: _written(call, item))

    async def delete_activation(
        self, call: Call, given: ssm.DeleteActivationRequest
    ) -> ssm.DeleteActivationResult:
        await self._activations.delete(call, ActivationId(given["ActivationId"]))
        return {}


def _written(call: Call, activation: Activation) -> ssm.Activation:
    written: ssm.Activation = {
        "ActivationId": activation.id,
        "IamRole": activation.role,
        "RegistrationLimit": activation.limit,
        "RegistrationsCount": activation.registrations,
        "ExpirationDate": activation.expires,
        "Expired": activation.expired(call.at),
        "CreatedDate": activation.created,
        "Tags": [{"Key": key, "Value": value} for key, value in activation.tags.items()],
    }
    if activation.description:
        written["Description"] = activation.description
    if activation.default_name:
        written["DefaultInstanceName"] = activation.default_name
    return written
