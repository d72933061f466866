"""The audit log: every call, once, with its change where there is one."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import cast

import pytest
from sqlalchemy import Column, MetaData, String, insert

from ostler.foundation import audit
from ostler.foundation.audit import Audit
from ostler.foundation.call import ANONYMOUS, Call, Caller
from ostler.foundation.clock import ManualClock
from ostler.foundation.storage import Scope, Storage, Transaction, scoped_table
from tests.support.databases import assert_schema_matches, create_tables

metadata = MetaData()
things = scoped_table("things", metadata, Column("name", String(16), primary_key=True))


@pytest.fixture
def log(storage: Storage, clock: ManualClock) -> Audit:
    return Audit(storage, clock)


@pytest.fixture
def call(scope: Scope, clock: ManualClock) -> Call:
    caller = Caller("arn:aws:iam::111122223333:user/ada", scope.account, "AIDA", access_key="AKIA")
    return Call(scope, caller, "request-1", "ssm:SendCommand", clock.now())


def add(name: str, tx: Transaction) -> None:
    tx.execute(insert(things), {"name": name})


async def found(storage: Storage, scope: Scope) -> list[audit.Record]:
    return await storage.read(scope, audit.find)


async def everything(storage: Storage, scope: Scope) -> list[audit.Record]:
    return await storage.read(scope, partial(audit.find, limit=10_000))


async def test_a_change_carries_its_record(
    storage: Storage, log: Audit, call: Call, scope: Scope
) -> None:
    await create_tables(storage, metadata)
    entry = log.entry(call, {"Name": "x"})
    witnessed = Scope(scope.account, scope.region, log.witness(entry))

    await storage.write(witnessed, lambda tx: tx.execute(insert(things), {"name": "x"}))
    log.record(entry, audit.SUCCESS)
    await log.write_down()

    assert [("ssm:SendCommand", '{"Name":"x"}', "Success", True)] == [
        (each.action, each.input, each.outcome, each.changed)
        for each in await found(storage, scope)
    ]


async def test_two_changes_of_a_call_carry_one_record(
    storage: Storage, log: Audit, call: Call, scope: Scope
) -> None:
    await create_tables(storage, metadata)
    witnessed = Scope(scope.account, scope.region, log.witness(log.entry(call, {})))

    for name in ("x", "y"):
        await storage.write(witnessed, partial(add, name))

    assert 1 == len(await found(storage, scope))


async def test_a_call_that_was_refused_is_not_told_as_a_success(
    storage: Storage, log: Audit, call: Call, scope: Scope
) -> None:
    """A refusal may leave a trace as well, that a machine was not the one it said, for instance."""
    await create_tables(storage, metadata)
    entry = log.entry(call, {})
    witnessed = Scope(scope.account, scope.region, log.witness(entry))

    await storage.write(witnessed, partial(add, "x"))
    log.record(entry, "MachineFingerprintDoesNotMatch")
    await log.write_down()

    assert [("MachineFingerprintDoesNotMatch", True)] == [
        (each.outcome, each.changed) for each in await found(storage, scope)
    ]


async def test_strangers_cannot_fill_the_log(
    storage: Storage, log: Audit, call: Call, scope: Scope, clock: ManualClock
) -> None:
    stranger = replace(call, caller=Caller(ANONYMOUS, scope.account, ANONYMOUS))
    refused = log.entry(stranger, {"Fingerprint": "x" * 10_000})

    for _ in range(audit.STRANGERS_A_MINUTE + 5):
        log.record(refused, "InvalidActivation")
    log.record(log.entry(call, {}), "AccessDeniedException")
    await log.write_down()
    assert audit.STRANGERS_A_MINUTE + 1 == len(await everything(storage, scope))

    await clock.advance(timedelta(minutes=1))
    log.record(refused, "InvalidActivation")
    await log.write_down()
    kept = await everything(storage, scope)
    assert audit.STRANGERS_A_MINUTE + 2 == len(kept)
    assert 1024 == len(kept[-1].input)


async def test_a_record_that_the_database_refuses_stops_no_other(
    storage: Storage, log: Audit, call: Call, scope: Scope
) -> None:
    refused = replace(call, request_id=cast(str, None))
    for each in (call, refused, call):
        log.record(log.entry(each, {}), audit.SUCCESS)

    await log.write_down()
    await log.write_down()

    assert 2 == len(await found(storage, scope))


async def test_a_change_undone_leaves_no_success(
    storage: Storage, log: Audit, call: Call, scope: Scope
) -> None:
    await create_tables(storage, metadata)
    entry = log.entry(call, {})
    witnessed = Scope(scope.account, scope.region, log.witness(entry))

    def change(tx: Transaction) -> None:
        tx.execute(insert(things), {"name": "x"})
        raise LookupError

    with pytest.raises(LookupError):
        await storage.write(witnessed, change)
    log.record(entry, "DocumentLimitExceeded")
    await log.write_down()

    assert [("DocumentLimitExceeded", False)] == [
        (each.outcome, each.changed) for each in await found(storage, scope)
    ]


async def test_reads_and_refusals_are_kept(
    storage: Storage, log: Audit, call: Call, scope: Scope
) -> None:
    log.record(log.entry(call, {}), audit.SUCCESS)
    log.record(log.entry(call, {}), "AccessDeniedException")

    await log.write_down()

    outcomes = [each.outcome for each in await found(storage, scope)]
    assert ["Success", "AccessDeniedException"] == outcomes


async def test_what_is_no_operation_is_noted(
    storage: Storage, log: Audit, call: Call, scope: Scope
) -> None:
    log.note(call, {"reason": "garbage"}, "BrokenFrame")

    await log.write_down()

    assert [("BrokenFrame", '{"reason":"garbage"}', False)] == [
        (each.outcome, each.input, each.changed) for each in await found(storage, scope)
    ]


async def test_another_account_sees_nothing(
    storage: Storage, log: Audit, call: Call, other_scope: Scope
) -> None:
    log.record(log.entry(call, {}), audit.SUCCESS)

    await log.write_down()

    assert [] == await found(storage, other_scope)


async def test_a_change_of_the_whole_house_carries_its_record_too(
    storage: Storage, log: Audit, call: Call, scope: Scope
) -> None:
    entry = log.entry(call, {})

    await storage.write(None, log.witness(entry))
    log.record(entry, audit.SUCCESS)
    await log.write_down()

    assert [("Success", True)] == [
        (each.outcome, each.changed) for each in await found(storage, scope)
    ]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, [1, 2, 3, 4]),
        ({"limit": 2}, [1, 2]),
        ({"limit": 2, "newest": True}, [3, 4]),
        ({"after": 1, "limit": 2}, [2, 3]),
        ({"caller": "arn:aws:iam::111122223333:user/team/ada"}, [1, 4]),
        ({"caller": "ada"}, [1, 4]),
        ({"caller": "ADA"}, []),
        ({"caller": "da"}, []),
        ({"caller": "x" * 3000}, []),
        ({"action": "ssm:SendCommand"}, [1, 2]),
        ({"caller": "ada", "action": "ssm:SendCommand", "newest": True}, [1]),
        ({"account": "444455556666"}, []),
    ],
)
async def test_records_are_found(
    storage: Storage, log: Audit, scope: Scope, clock: ManualClock, wanted, numbers
) -> None:
    asked = [("team/ada", "Send"), ("bob", "Send"), ("bob", "Cancel"), ("team/ada", "Cancel")]
    for name, verb in asked:
        caller = Caller(f"arn:aws:iam::111122223333:user/{name}", scope.account, "AIDA")
        log.note(Call(scope, caller, "request", f"ssm:{verb}Command", clock.now()), {}, "Success")
    await log.write_down()

    found = await storage.read(None, lambda tx: audit.find(tx, **wanted))

    first = (await storage.read(None, audit.find))[0].sequence
    assert numbers == [record.sequence - first + 1 for record in found]


def test_the_migration_makes_the_table() -> None:
    assert_schema_matches(audit.MIGRATIONS, audit.metadata)
