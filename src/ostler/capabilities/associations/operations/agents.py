"""The API that agents call, and no SDK for customers has."""

from typing import TYPE_CHECKING, Any

from ostler.capabilities.associations.model import LONGEST_SUMMARY, Report, Status
from ostler.capabilities.associations.operations.answers import for_agent
from ostler.capabilities.associations.service import Applying, History
from ostler.foundation.call import Call
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import NodeId

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm

_PAGE = 20
_LONGEST_CODE = 64
_TOLD = {
    status.value: status for status in Status if status not in (Status.ASSOCIATED, Status.WAITING)
}


class AgentOperations:
    """Tells nodes what to apply, and hears what came of it."""

    service = "ssm"

    def __init__(self, history: History, applying: Applying) -> None:
        self._history = history
        self._applying = applying

    async def list_instance_associations(
        self, call: Call, given: "ssm.ListInstanceAssociationsRequest"
    ) -> Any:
        asked = call.page_request(given, default=_PAGE, most=50)
        page = await self._history.for_itself(call, NodeId(given["InstanceId"]), asked)
        return call.paged("Associations", page, for_agent)

    async def update_instance_association_status(
        self, call: Call, given: "ssm.UpdateInstanceAssociationStatusRequest"
    ) -> "ssm.UpdateInstanceAssociationStatusResult":
        told = given["ExecutionResult"]
        status = _TOLD.get(told["Status"])
        if status is None:
            raise ValidationException(f"{told['Status']} is not a status of an association.")
        url = told.get("OutputUrl", {}).get("S3OutputUrl", {}).get("OutputUrl", "")
        report = Report(
            node=NodeId(given["InstanceId"]),
            association=given["AssociationId"],
            status=status,
            at=told["ExecutionDate"],
            summary=told["ExecutionSummary"][:LONGEST_SUMMARY],
            error_code=told.get("ErrorCode", "")[:_LONGEST_CODE],
            output_url=url,
        )
        await self._applying.report(call, report)
        return {}
