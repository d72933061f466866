"""Looking after keys: their states, rotation, deletion, policies, tags and aliases."""

from datetime import timedelta
from typing import Any

import pytest

from ostler.capabilities.keys.errors import (
    AlreadyExistsException,
    DisabledException,
    InvalidAliasNameException,
    InvalidMarkerException,
    KMSInvalidStateException,
    MalformedPolicyDocumentException,
    NotFoundException,
    TagException,
)
from ostler.capabilities.keys.migrations import MIGRATIONS
from ostler.capabilities.keys.store.tables import metadata
from ostler.foundation.errors import (
    AccessDeniedException,
    ApiError,
    NotYetImplemented,
    ValidationException,
)
from ostler.foundation.storage import Scope
from tests.capabilities.keys.conftest import Ring, a_key, decrypt, encrypt, on_both_engines
from tests.capabilities.keys.test_using import a_policy
from tests.support.calls import Customer, allowing
from tests.support.databases import assert_schema_matches


def test_the_migrations_make_the_tables() -> None:
    assert_schema_matches(MIGRATIONS, metadata)


async def state_of(customer: Customer, key: str) -> str:
    return str((await customer.ask("DescribeKey", KeyId=key))["KeyMetadata"]["KeyState"])


@on_both_engines
async def test_a_key_is_described(customer: Customer) -> None:
    key = await a_key(customer, Description="for the shop")

    told = (await customer.ask("DescribeKey", KeyId=key))["KeyMetadata"]

    assert ("for the shop", True, "CUSTOMER") == (
        told["Description"],
        told["Enabled"],
        told["KeyManager"],
    )
    await customer.ask("UpdateKeyDescription", KeyId=key, Description="for the till")
    told = (await customer.ask("DescribeKey", KeyId=told["Arn"]))["KeyMetadata"]
    assert "for the till" == told["Description"]


@on_both_engines
async def test_keys_are_listed_page_by_page(customer: Customer) -> None:
    made = {await a_key(customer) for _ in range(5)}

    found, given = [], {"Limit": 2}
    while True:
        page = await customer.ask("ListKeys", **given)
        found += [each["KeyId"] for each in page["Keys"]]
        if not page["Truncated"]:
            break
        given = {"Limit": 2, "Marker": page["NextMarker"]}

    assert sorted(made) == found
    with pytest.raises(InvalidMarkerException):
        await customer.ask("ListKeys", Marker="nonsense")


@on_both_engines
async def test_a_scheduled_deletion_takes_the_key_with_everything(
    ring: Ring, customer: Customer
) -> None:
    key, other = await a_key(customer), await a_key(customer)
    await customer.ask("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    sealed = await encrypt(customer, key, b"plain")
    told = await customer.ask("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert ("PendingDeletion", 7) == (told["KeyState"], told["PendingWindowInDays"])

    await ring.clock.advance(timedelta(days=6))
    await ring.timers.run_due()
    assert "PendingDeletion" == await state_of(customer, key)
    await ring.clock.advance(timedelta(days=2))
    await ring.timers.run_due()

    with pytest.raises(NotFoundException):
        await customer.ask("DescribeKey", KeyId=key)
    with pytest.raises(NotFoundException):
        await decrypt(customer, sealed)
    assert [] == (await customer.ask("ListAliases"))["Aliases"]
    assert "Enabled" == await state_of(customer, other)


async def test_a_deletion_is_called_off(ring: Ring, customer: Customer) -> None:
    key = await a_key(customer)
    sealed = await encrypt(customer, key, b"plain")
    with pytest.raises(KMSInvalidStateException, match="is not pending deletion"):
        await customer.ask("CancelKeyDeletion", KeyId=key)
    with pytest.raises(ValidationException):
        await customer.ask("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=6)
    await customer.ask("ScheduleKeyDeletion", KeyId=key)
    for operation in ("ScheduleKeyDeletion", "EnableKey", "DisableKey", "EnableKeyRotation"):
        with pytest.raises(KMSInvalidStateException, match="is pending deletion"):
            await customer.ask(operation, KeyId=key)

    await customer.ask("CancelKeyDeletion", KeyId=key)
    assert "Disabled" == await state_of(customer, key)
    await customer.ask("EnableKey", KeyId=key)
    await ring.clock.advance(timedelta(days=40))
    await ring.timers.run_due()

    assert b"plain" == await decrypt(customer, sealed)


@on_both_engines
async def test_what_older_material_sealed_still_opens(customer: Customer, ring: Ring) -> None:
    key = await a_key(customer)
    first = await encrypt(customer, key, b"first")
    await customer.ask("RotateKeyOnDemand", KeyId=key)
    second = await encrypt(customer, key, b"second")
    await customer.ask("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    await ring.clock.advance(timedelta(days=91))
    await ring.timers.run_due()
    third = await encrypt(customer, key, b"third")

    assert [b"first", b"second", b"third"] == [
        await decrypt(customer, each) for each in (first, second, third)
    ]
    rotations = (await customer.ask("ListKeyRotations", KeyId=key))["Rotations"]
    assert ["ON_DEMAND", "AUTOMATIC"] == [each["RotationType"] for each in rotations]
    status = await customer.ask("GetKeyRotationStatus", KeyId=key)
    assert (True, 90) == (status["KeyRotationEnabled"], status["RotationPeriodInDays"])


async def test_a_key_that_is_off_rotates_when_it_is_on_again(
    customer: Customer, ring: Ring
) -> None:
    key = await a_key(customer)
    await customer.ask("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    await customer.ask("DisableKey", KeyId=key)
    await ring.clock.advance(timedelta(days=200))
    await ring.timers.run_due()
    assert [] == (await customer.ask("ListKeyRotations", KeyId=key))["Rotations"]

    await customer.ask("EnableKey", KeyId=key)
    await ring.timers.run_due()

    assert 1 == len((await customer.ask("ListKeyRotations", KeyId=key))["Rotations"])
    await customer.ask("DisableKeyRotation", KeyId=key)
    await ring.clock.advance(timedelta(days=200))
    await ring.timers.run_due()
    assert 1 == len((await customer.ask("ListKeyRotations", KeyId=key))["Rotations"])


@on_both_engines
async def test_an_alias_wanders_from_key_to_key(customer: Customer) -> None:
    first, second = await a_key(customer), await a_key(customer)
    await customer.ask("CreateAlias", AliasName="alias/app", TargetKeyId=first)
    sealed = await encrypt(customer, "alias/app", b"plain")
    with pytest.raises(AlreadyExistsException, match="alias/app already exists"):
        await customer.ask("CreateAlias", AliasName="alias/app", TargetKeyId=second)

    await customer.ask("UpdateAlias", AliasName="alias/app", TargetKeyId=second)

    listed = (await customer.ask("ListAliases", KeyId=second))["Aliases"]
    assert [("alias/app", second)] == [(each["AliasName"], each["TargetKeyId"]) for each in listed]
    assert b"plain" == await decrypt(customer, sealed)
    await customer.ask("DeleteAlias", AliasName="alias/app")
    with pytest.raises(NotFoundException):
        await customer.ask("DeleteAlias", AliasName="alias/app")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("app", ValidationException),
        ("alias/aws/mine", InvalidAliasNameException),
        ("alias/a:b", ValidationException),
    ],
)
async def test_what_no_alias_may_be_called(
    customer: Customer, name: str, fault: type[ApiError]
) -> None:
    key = await a_key(customer)

    with pytest.raises(fault):
        await customer.ask("CreateAlias", AliasName=name, TargetKeyId=key)


async def test_an_alias_needs_permission_on_itself_and_on_its_key(
    ring: Ring, customer: Customer, scope: Scope
) -> None:
    key = await a_key(customer)
    arn = "arn:aws:kms:eu-west-1:111122223333:"
    for resources in ([f"{arn}alias/app"], [f"{arn}key/{key}"]):
        with pytest.raises(AccessDeniedException):
            await ring.customer(scope, allowing("kms:CreateAlias", resources)).ask(
                "CreateAlias", AliasName="alias/app", TargetKeyId=key
            )

    both = allowing("kms:CreateAlias", [f"{arn}alias/app", f"{arn}key/{key}"])
    await ring.customer(scope, both).ask("CreateAlias", AliasName="alias/app", TargetKeyId=key)


async def test_a_policy_that_locks_its_author_out_is_refused(customer: Customer) -> None:
    key = await a_key(customer)
    stranger = a_policy(account="444455556666")

    for wrong in ("nonsense", "{}", stranger):
        with pytest.raises(MalformedPolicyDocumentException):
            await customer.ask("PutKeyPolicy", KeyId=key, Policy=wrong)
        with pytest.raises(MalformedPolicyDocumentException):
            await a_key(customer, Policy=wrong)
    await customer.ask("PutKeyPolicy", KeyId=key, Policy=a_policy())
    assert a_policy() == (await customer.ask("GetKeyPolicy", KeyId=key))["Policy"]
    await customer.ask(
        "PutKeyPolicy", KeyId=key, Policy=stranger, BypassPolicyLockoutSafetyCheck=True
    )
    with pytest.raises(AccessDeniedException):
        await customer.ask("DescribeKey", KeyId=key)


@on_both_engines
async def test_tags_come_and_go(customer: Customer) -> None:
    key = await a_key(customer, Tags=[{"TagKey": "a", "TagValue": "1"}])
    await customer.ask("TagResource", KeyId=key, Tags=[{"TagKey": "b", "TagValue": "2"}])
    await customer.ask("UntagResource", KeyId=key, TagKeys=["a", "none"])

    tags = (await customer.ask("ListResourceTags", KeyId=key))["Tags"]

    assert [{"TagKey": "b", "TagValue": "2"}] == tags
    for wrong in ([{"TagKey": "aws:x", "TagValue": ""}], [{"TagKey": "c", "TagValue": ""}] * 2):
        with pytest.raises(TagException):
            await customer.ask("TagResource", KeyId=key, Tags=wrong)


@pytest.mark.parametrize(
    "given", [{"KeySpec": "RSA_2048"}, {"KeyUsage": "SIGN_VERIFY"}, {"MultiRegion": True}]
)
async def test_other_kinds_of_keys_are_not_built(customer: Customer, given: Any) -> None:
    with pytest.raises(NotYetImplemented):
        await customer.ask("CreateKey", **given)
    assert [] == (await customer.ask("ListKeys"))["Keys"]


async def test_another_process_hears_of_a_change_within_two_seconds(
    ring: Ring, customer: Customer, scope: Scope
) -> None:
    elsewhere = ring.under(b"k" * 32).customer(scope)
    key = await a_key(customer)
    sealed = await encrypt(elsewhere, key, b"plain")

    await customer.ask("DisableKey", KeyId=key)

    with pytest.raises(DisabledException):
        await decrypt(customer, sealed)
    await ring.clock.advance(timedelta(seconds=2))
    with pytest.raises(DisabledException):
        await decrypt(elsewhere, sealed)
