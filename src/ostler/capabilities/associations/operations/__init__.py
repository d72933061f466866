"""State Manager's part of the API: names on the wire, and nothing else."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.associations.errors import AssociationDoesNotExist
from ostler.capabilities.associations.model import LATEST_VERSION, Terms
from ostler.capabilities.associations.operations.agents import AgentOperations
from ostler.capabilities.associations.operations.answers import (
    association,
    description,
    execution,
    run,
    status_info,
    version,
)
from ostler.capabilities.associations.operations.filters import (
    wanted_associations,
    wanted_executions,
    wanted_runs,
)
from ostler.capabilities.associations.operations.terms import terms_of
from ostler.capabilities.associations.service import Associations, Effective, History, Named
from ostler.foundation.call import Call
from ostler.foundation.errors import ApiError
from ostler.foundation.ids import NodeId

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm

__all__ = ["AgentOperations", "Operations"]

_PAGE = 50
_FEW = 5


class Operations:
    """Associations: make, change, list, look back, apply now."""

    service = "ssm"

    def __init__(self, associations: Associations, history: History) -> None:
        self._associations = associations
        self._history = history

    async def create_association(
        self, call: Call, given: "ssm.CreateAssociationRequest"
    ) -> "ssm.CreateAssociationResult":
        tags = {tag["Key"]: tag["Value"] for tag in given.get("Tags", ())}
        view = await self._associations.create(call, terms_of(given), tags)
        return {"AssociationDescription": description(view)}

    async def create_association_batch(
        self, call: Call, given: "ssm.CreateAssociationBatchRequest"
    ) -> Any:
        entries = given["Entries"]
        made = await self._associations.create_many(call, [_terms_or_fault(one) for one in entries])
        return {
            "Successful": [description(one) for one in made if not isinstance(one, ApiError)],
            "Failed": [
                {"Entry": entry, "Message": _message(one), "Fault": "Client"}
                for entry, one in zip(entries, made, strict=True)
                if isinstance(one, ApiError)
            ],
        }

    async def update_association(
        self, call: Call, given: "ssm.UpdateAssociationRequest"
    ) -> "ssm.UpdateAssociationResult":
        view = await self._associations.update(
            call,
            given["AssociationId"],
            terms_of(given),
            version=given.get("AssociationVersion", LATEST_VERSION),
        )
        return {"AssociationDescription": description(view)}

    async def delete_association(
        self, call: Call, given: "ssm.DeleteAssociationRequest"
    ) -> "ssm.DeleteAssociationResult":
        await self._associations.delete(call, await _named(call, given))
        return {}

    async def describe_association(
        self, call: Call, given: "ssm.DescribeAssociationRequest"
    ) -> "ssm.DescribeAssociationResult":
        view = await self._associations.describe(
            call, await _named(call, given), given.get("AssociationVersion", LATEST_VERSION)
        )
        return {"AssociationDescription": description(view)}

    async def list_associations(self, call: Call, given: "ssm.ListAssociationsRequest") -> Any:
        asked = call.page_request(given, default=_PAGE, most=_PAGE)
        page = await self._associations.list(call, wanted_associations(given), asked)
        return call.paged("Associations", page, association)

    async def list_association_versions(
        self, call: Call, given: "ssm.ListAssociationVersionsRequest"
    ) -> Any:
        asked = call.page_request(given, default=_PAGE, most=_PAGE)
        page = await self._associations.versions(call, given["AssociationId"], asked)
        return call.paged("AssociationVersions", page, version)

    async def start_associations_once(
        self, call: Call, given: "ssm.StartAssociationsOnceRequest"
    ) -> "ssm.StartAssociationsOnceResult":
        await self._associations.start_once(call, given["AssociationIds"])
        return {}

    async def update_association_status(
        self, call: Call, given: "ssm.UpdateAssociationStatusRequest"
    ) -> "ssm.UpdateAssociationStatusResult":
        told = given["AssociationStatus"]
        view = await self._associations.set_status(
            call,
            given["Name"],
            given["InstanceId"],
            {
                "name": told["Name"],
                "date": told["Date"].isoformat(),
                "message": told["Message"],
                "information": told.get("AdditionalInfo", ""),
            },
        )
        return {"AssociationDescription": description(view)}

    async def describe_association_executions(
        self, call: Call, given: "ssm.DescribeAssociationExecutionsRequest"
    ) -> Any:
        asked = call.page_request(given, default=_PAGE, most=_PAGE)
        page = await self._history.executions(
            call, given["AssociationId"], wanted_executions(given), asked
        )
        return call.paged("AssociationExecutions", page, execution)

    async def describe_association_execution_targets(
        self, call: Call, given: "ssm.DescribeAssociationExecutionTargetsRequest"
    ) -> Any:
        asked = call.page_request(given, default=_PAGE, most=_PAGE)
        page = await self._history.runs(
            call, given["AssociationId"], given["ExecutionId"], wanted_runs(given), asked
        )
        return call.paged("AssociationExecutionTargets", page, run)

    async def describe_instance_associations_status(
        self, call: Call, given: "ssm.DescribeInstanceAssociationsStatusRequest"
    ) -> Any:
        asked = call.page_request(given, default=_PAGE, most=_PAGE)
        page = await self._history.of_node(call, NodeId(given["InstanceId"]), asked)
        return call.paged("InstanceAssociationStatusInfos", page, status_info)

    async def describe_effective_instance_associations(
        self, call: Call, given: "ssm.DescribeEffectiveInstanceAssociationsRequest"
    ) -> Any:
        asked = call.page_request(given, default=_FEW, most=_FEW)
        page = await self._history.effective(call, NodeId(given["InstanceId"]), asked)
        return call.paged("Associations", page, _effective)


def _effective(one: Effective) -> Any:
    return {
        "AssociationId": one.held.association.id,
        "InstanceId": one.held.member.node,
        "Content": one.content,
        "AssociationVersion": str(one.held.association.version),
    }


async def _named(call: Call, given: Mapping[str, Any]) -> Named:
    if "AssociationId" in given:
        return Named(association=given["AssociationId"])
    if "Name" in given and "InstanceId" in given:
        return Named(document=given["Name"], node=given["InstanceId"])
    await call.allow()
    raise AssociationDoesNotExist("Name an AssociationId, or both Name and InstanceId.")


def _terms_or_fault(entry: Mapping[str, Any]) -> Terms | ApiError:
    try:
        return terms_of(entry)
    except ApiError as fault:
        return fault


def _message(fault: ApiError) -> str:
    return f"{fault.code}: {fault.message}" if fault.message else fault.code
