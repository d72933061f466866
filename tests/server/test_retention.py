"""What is older than it is to be kept is dropped, once a day, and nothing else."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from ostler.foundation import audit, events
from ostler.foundation.audit import SUCCESS, Audit
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SequentialIds
from ostler.foundation.storage import Migration, Scope
from ostler.foundation.timers import Timers
from ostler.server.retention import TIMER, Retention
from tests.support.calls import a_call
from tests.support.databases import FOUNDATION, House

DAY = timedelta(days=1)


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return tuple(dict.fromkeys((*FOUNDATION, *audit.MIGRATIONS)))


class Something(events.Event, frozen=True):
    """Anything that is told."""


async def test_the_old_goes_and_the_young_stays(
    house: House, clock: ManualClock, ids: SequentialIds, scope: Scope
) -> None:
    storage, trail = house.storage, Audit(house.storage, clock)
    retention = Retention(storage, clock, audit_for=10 * DAY, events_for=5 * DAY)
    timers = Timers(storage, clock, ids, house.schedule, {TIMER: retention.forget})
    await retention.start()

    for _ in range(12):
        trail.record(trail.entry(a_call("ListCommands", scope, clock), {}), SUCCESS)
        await trail.write_down()
        await storage.write(scope, lambda tx: tx.tell(Something()))
        await clock.advance(DAY)
        await timers.run_due()

    records = await storage.read(scope, audit.find)
    told = await storage.read(scope, lambda tx: events.since(tx, 0))
    assert (10, 5) == (len(records), len(told))
