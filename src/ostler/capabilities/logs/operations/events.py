"""The operations on events."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ostler.capabilities.logs.errors import InvalidParameterException
from ostler.capabilities.logs.model.logs import Event, Kept, instant, milliseconds
from ostler.capabilities.logs.operations.groups import group_named
from ostler.capabilities.logs.operations.tokens import opened
from ostler.capabilities.logs.service import Asked, Filter, Reading, Writing
from ostler.capabilities.logs.store.events import Place, Window
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import logs

_MOST = 10_000
_FORWARD, _BACKWARD = "f", "b"


class EventOperations:
    """Puts, gets and filters events."""

    service = "logs"

    def __init__(self, writing: Writing, reading: Reading) -> None:
        self._writing = writing
        self._reading = reading

    async def put_log_events(self, call: Call, given: "logs.PutLogEventsRequest") -> Any:
        events = [Event(instant(each["timestamp"]), each["message"]) for each in given["logEvents"]]
        taken = await self._writing.put(call, given["logGroupName"], given["logStreamName"], events)
        rejected = {
            "tooOldLogEventEndIndex": taken.too_old,
            "expiredLogEventEndIndex": taken.expired,
            "tooNewLogEventStartIndex": taken.too_new,
        }
        told = {name: index for name, index in rejected.items() if index is not None}
        answer: dict[str, Any] = {"nextSequenceToken": call.request_id}
        return {**answer, "rejectedLogEventsInfo": told} if told else answer

    async def get_log_events(self, call: Call, given: "logs.GetLogEventsRequest") -> Any:
        group, stream = group_named(given), given["logStreamName"]
        question = (call.action, call.account, call.region, group, stream)
        token = given.get("nextToken", "")
        direction, _, sealed = token.partition("/")
        if token and direction not in (_FORWARD, _BACKWARD):
            raise InvalidParameterException("The specified nextToken is invalid.")
        place = _place(opened(call, question, sealed)) if token else None
        asked = Asked(
            window=_window(given),
            oldest_first=given.get("startFromHead", False) or direction == _FORWARD,
            limit=given.get("limit", _MOST),
            after=place if direction == _FORWARD else None,
            before=place if direction == _BACKWARD else None,
        )
        events = await self._reading.stream(call, group, stream, asked)
        first, last = _ends(events, direction, place)
        return {
            "events": [
                {
                    "timestamp": milliseconds(event.at),
                    "message": event.message,
                    "ingestionTime": milliseconds(event.ingested),
                }
                for event in events
            ],
            "nextForwardToken": f"{_FORWARD}/{call.page_tokens.seal(question, last)}",
            "nextBackwardToken": f"{_BACKWARD}/{call.page_tokens.seal(question, first)}",
        }

    async def filter_log_events(self, call: Call, given: "logs.FilterLogEventsRequest") -> Any:
        group, pattern = group_named(given), given.get("filterPattern", "")
        streams, prefix = given.get("logStreamNames", []), given.get("logStreamNamePrefix", "")
        if streams and prefix:
            raise InvalidParameterException(
                "logStreamNames and logStreamNamePrefix are mutually exclusive parameters."
            )
        question = (call.action, call.account, call.region, group, pattern, prefix, *streams)
        token = given.get("nextToken", "")
        looked = await self._reading.filter(
            call,
            group,
            Filter(
                window=_window(given),
                pattern=pattern,
                streams=streams,
                prefix=prefix,
                limit=given.get("limit", _MOST),
                after=_place(opened(call, question, token)) if token else None,
            ),
        )
        answer: dict[str, Any] = {
            "events": [_event(event) for event in looked.found],
            "searchedLogStreams": [],
        }
        if looked.last is not None:
            answer["nextToken"] = call.page_tokens.seal(question, looked.last)
        return answer


def _ends(events: Sequence[Kept], direction: str, place: Place | None) -> tuple[Place, Place]:
    """Before which place it goes on backwards, and behind which forwards.

    Where there is nothing more, the token that was given comes back: by that clients see it.
    """
    if events:
        first, last = events[0], events[-1]
        return (first.at, first.sequence), (last.at, last.sequence)
    at, sequence = place or (instant(0), 0)
    if direction == _FORWARD:
        return (at, sequence + 1), (at, sequence)
    return (at, sequence), (at, sequence - 1)


def _window(given: Any) -> Window:
    since, until = given.get("startTime"), given.get("endTime")
    return Window(
        None if since is None else instant(since), None if until is None else instant(until)
    )


def _place(key: tuple[Any, ...]) -> Place:
    at, sequence = key
    return at, sequence


def _event(event: Kept) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": milliseconds(event.at),
        "message": event.message,
        "ingestionTime": milliseconds(event.ingested),
        "eventId": f"{milliseconds(event.at):020}{event.sequence:036}",
    }
