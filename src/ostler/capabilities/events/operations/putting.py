"""The AWS API of events themselves, and ours of deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.events.model.envelopes import Entry, EntryFault
from ostler.capabilities.events.model.names import bus_in
from ostler.capabilities.events.service.putting import Outcome, Putting
from ostler.foundation.call import Call
from ostler.foundation.deliveries import Parcel

if TYPE_CHECKING:
    from ostler.wire.shapes import events

_FAILED = {"WAITING": False, "FAILED": True}


class PuttingOperations:
    """Takes in events, tries patterns, and shows deliveries."""

    service = "events"

    def __init__(self, putting: Putting) -> None:
        self._putting = putting

    async def put_events(self, call: Call, given: events.PutEventsRequest) -> Mapping[str, Any]:
        outcomes = await self._putting.put(call, [_entry(call, each) for each in given["Entries"]])
        return {
            "FailedEntryCount": sum(isinstance(each, EntryFault) for each in outcomes),
            "Entries": [_outcome(each) for each in outcomes],
        }

    async def test_event_pattern(
        self, call: Call, given: events.TestEventPatternRequest
    ) -> events.TestEventPatternResponse:
        fits = await self._putting.test(call, given["EventPattern"], given["Event"])
        return {"Result": fits}

    async def list_deliveries(
        self, call: Call, given: events.ListDeliveriesRequest
    ) -> Mapping[str, Any]:
        page = await self._putting.deliveries(
            call,
            call.page_request(given, default=100, most=100, limit="Limit"),
            failed=_FAILED.get(given.get("State", "")),
            subject=given.get("SubjectArn", ""),
        )
        return call.paged("Deliveries", page, _delivery)

    async def retry_deliveries(
        self, call: Call, given: events.RetryDeliveriesRequest
    ) -> Mapping[str, Any]:
        return {"DeliveryIds": await self._putting.retry(call, given["DeliveryIds"])}


def _entry(call: Call, given: events.PutEventsRequestEntry) -> Entry:
    return Entry(
        bus=bus_in(call.scope, given.get("EventBusName")),
        source=given.get("Source", ""),
        detail_type=given.get("DetailType", ""),
        detail=given.get("Detail", ""),
        resources=tuple(given.get("Resources", ())),
        time=given.get("Time"),
    )


def _outcome(outcome: Outcome) -> Mapping[str, str]:
    if isinstance(outcome, EntryFault):
        return {"ErrorCode": outcome.code, "ErrorMessage": str(outcome)}
    return {"EventId": outcome}


def _delivery(parcel: Parcel) -> Mapping[str, Any]:
    written: dict[str, Any] = {
        "DeliveryId": parcel.id,
        "State": "WAITING" if parcel.failed_at is None else "FAILED",
        "SubjectArn": parcel.subject,
        "DestinationArn": parcel.destination,
        "Attempts": parcel.attempts,
        "CreationTime": parcel.created,
    }
    if parcel.due_at is not None:
        written["NextAttemptTime"] = parcel.due_at
    if parcel.failed_at is not None:
        written["FailureTime"] = parcel.failed_at
    if parcel.fault:
        written["Reason"] = parcel.fault
    return written
