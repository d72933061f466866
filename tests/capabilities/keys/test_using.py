"""Sealing and opening with keys: for whom, for which context, and in which state of the key."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from ostler.capabilities.keys.errors import (
    DisabledException,
    DryRunOperationException,
    IncorrectKeyException,
    InvalidCiphertextException,
    InvalidGrantTokenException,
    KMSInvalidStateException,
    NotFoundException,
)
from ostler.capabilities.keys.model.ciphertexts import SPICE, Head, close, head_of, unclosed
from ostler.capabilities.keys.store.tables import materials
from ostler.foundation.errors import AccessDeniedException, ApiError, ValidationException
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope
from tests.capabilities.keys.conftest import Ring, a_key, decrypt, encrypt, on_both_engines
from tests.support.calls import NOBODY, Customer, allowing

NO_KEY = "00000000-0000-4000-8000-00000000ffff"


def a_policy(*statements: dict[str, Any], account: str = "111122223333") -> str:
    """A key policy that leaves the key to its account, and says more."""
    root = f"arn:aws:iam::{account}:root"
    whole = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole, *statements]})


@on_both_engines
async def test_what_is_sealed_opens_without_naming_the_key(customer: Customer) -> None:
    key = await a_key(customer)

    sealed = await encrypt(customer, key, b"plain", app="shop")

    assert b"plain" not in sealed
    answer = await customer.ask("Decrypt", CiphertextBlob=sealed, EncryptionContext={"app": "shop"})
    assert (b"plain", "SYMMETRIC_DEFAULT") == (answer["Plaintext"], answer["EncryptionAlgorithm"])
    assert answer["KeyId"].endswith(f":key/{key}")


@pytest.mark.parametrize("context", [{}, {"app": "other"}, {"app": "shop", "more": "x"}])
async def test_another_context_does_not_open(customer: Customer, context: Any) -> None:
    sealed = await encrypt(customer, await a_key(customer), b"plain", app="shop")

    with pytest.raises(InvalidCiphertextException):
        await decrypt(customer, sealed, **context)


@given(place=st.integers(0, 200), bit=st.integers(0, 7))
def test_a_changed_ciphertext_does_not_open(place: int, bit: int) -> None:
    material, head = bytes(32), Head(NO_KEY, "111122223333", 1)
    sealed = close(b"plain", head, material, {"a": "b"}, bytes(SPICE))
    changed = bytearray(sealed)
    changed[place % len(sealed)] ^= 1 << bit

    with pytest.raises(InvalidCiphertextException):
        if head_of(bytes(changed)) == head:
            unclosed(bytes(changed), material, {"a": "b"})
        else:
            raise InvalidCiphertextException


@given(st.binary(max_size=100))
def test_what_is_no_ciphertext_is_refused(text: bytes) -> None:
    try:
        head = head_of(text)
    except InvalidCiphertextException:
        return
    assert 36 == len(head.key)


async def test_a_key_that_is_expected_has_to_be_the_one(customer: Customer) -> None:
    key, other = await a_key(customer), await a_key(customer)
    sealed = await encrypt(customer, key, b"plain")

    answer = await customer.ask("Decrypt", CiphertextBlob=sealed, KeyId=key)
    with pytest.raises(IncorrectKeyException):
        await customer.ask("Decrypt", CiphertextBlob=sealed, KeyId=other)

    assert b"plain" == answer["Plaintext"]


async def test_a_data_key_opens_to_what_was_given(customer: Customer) -> None:
    key = await a_key(customer)

    made = await customer.ask("GenerateDataKey", KeyId=key, KeySpec="AES_256")
    hidden = await customer.ask("GenerateDataKeyWithoutPlaintext", KeyId=key, NumberOfBytes=64)

    assert 32 == len(made["Plaintext"])
    assert made["Plaintext"] == await decrypt(customer, made["CiphertextBlob"])
    assert "Plaintext" not in hidden
    assert 64 == len(await decrypt(customer, hidden["CiphertextBlob"]))
    with pytest.raises(ValidationException):
        await customer.ask("GenerateDataKey", KeyId=key)


async def test_a_ciphertext_moves_to_another_key(customer: Customer) -> None:
    first, second = await a_key(customer), await a_key(customer)
    sealed = await encrypt(customer, first, b"plain", app="shop")

    moved = await customer.ask(
        "ReEncrypt",
        CiphertextBlob=sealed,
        SourceEncryptionContext={"app": "shop"},
        DestinationKeyId=second,
        DestinationEncryptionContext={"app": "till"},
    )

    assert moved["KeyId"].endswith(second)
    assert moved["SourceKeyId"].endswith(first)
    assert b"plain" == await decrypt(customer, moved["CiphertextBlob"], app="till")


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [("DisableKey", DisabledException), ("ScheduleKeyDeletion", KMSInvalidStateException)],
)
async def test_a_key_that_is_off_neither_seals_nor_opens(
    customer: Customer, spoil: str, fault: type[ApiError]
) -> None:
    key = await a_key(customer)
    sealed = await encrypt(customer, key, b"plain")
    await customer.ask(spoil, KeyId=key)

    with pytest.raises(fault):
        await encrypt(customer, key, b"more")
    with pytest.raises(fault):
        await decrypt(customer, sealed)


@on_both_engines
async def test_no_key_lies_open_in_the_database(
    ring: Ring, customer: Customer, scope: Scope
) -> None:
    """Another master key opens nothing, and says so."""
    key = await a_key(customer)
    sealed = await encrypt(customer, key, b"plain")

    with pytest.raises(KMSInvalidStateException, match="master key"):
        await decrypt(ring.under(b"x" * 32).customer(scope), sealed)
    with pytest.raises(KMSInvalidStateException, match="master key"):
        await encrypt(ring.under(b"x" * 32).customer(scope), key, b"plain")
    assert b"plain" == await decrypt(ring.under(b"k" * 32).customer(scope), sealed)


async def test_material_is_bound_to_its_key(ring: Ring, customer: Customer, scope: Scope) -> None:
    """Who can write to the database cannot give one key's material to another key."""
    first, second = await a_key(customer), await a_key(customer)
    sealed = await encrypt(customer, second, b"plain")

    def swap(tx: Any) -> None:
        stolen = tx.scalar(select(materials.c.sealed).where(materials.c.key == first))
        tx.execute(materials.update().where(materials.c.key == second).values(sealed=stolen))

    await ring.house.storage.write(scope, swap)

    with pytest.raises(KMSInvalidStateException):
        await decrypt(ring.under(b"k" * 32).customer(scope), sealed)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (NO_KEY, f"Key 'arn:aws:kms:eu-west-1:111122223333:key/{NO_KEY}' does not exist"),
        ("alias/none", "Alias arn:aws:kms:eu-west-1:111122223333:alias/none is not found."),
        ("nonsense", "Invalid keyId 'nonsense'"),
        (f"arn:aws:kms:us-east-1:111122223333:key/{NO_KEY}", "Invalid arn us-east-1"),
    ],
)
async def test_a_key_that_is_not_there(customer: Customer, key: str, words: str) -> None:
    with pytest.raises(NotFoundException) as refused:
        await encrypt(customer, key, b"plain")

    assert words == refused.value.message


async def test_trials_and_grants_change_nothing(customer: Customer) -> None:
    key = await a_key(customer)

    with pytest.raises(DryRunOperationException):
        await customer.ask("Encrypt", KeyId=key, Plaintext=b"x", DryRun=True)
    with pytest.raises(InvalidGrantTokenException):
        await customer.ask("Encrypt", KeyId=key, Plaintext=b"x", GrantTokens=["t"])


async def test_absence_is_told_only_to_those_who_may(ring: Ring, scope: Scope) -> None:
    with pytest.raises(AccessDeniedException):
        await encrypt(ring.customer(scope, NOBODY), NO_KEY, b"plain")


async def test_the_key_policy_and_the_callers_policies_decide_together(
    ring: Ring, customer: Customer, scope: Scope
) -> None:
    """By default the account decides; who has no policy of their own is refused."""
    key = await a_key(customer)
    arn = f"arn:aws:kms:eu-west-1:111122223333:key/{key}"

    await encrypt(ring.customer(scope, allowing("kms:Encrypt", arn)), key, b"plain")
    with pytest.raises(AccessDeniedException, match="no identity-based policy"):
        await encrypt(ring.customer(scope, allowing("kms:Decrypt", arn)), key, b"plain")


async def test_a_key_policy_may_allow_somebody_by_name(
    ring: Ring, customer: Customer, scope: Scope
) -> None:
    tester = "arn:aws:iam::111122223333:user/tester"
    named = {
        "Effect": "Allow",
        "Principal": {"AWS": tester},
        "Action": "kms:Encrypt",
        "Resource": "*",
    }
    key = await a_key(customer, Policy=a_policy(named))

    await encrypt(ring.customer(scope, NOBODY), key, b"plain")
    forbidding = Policy.parse({"Statement": {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}})
    with pytest.raises(AccessDeniedException, match="explicit deny in an identity"):
        await encrypt(ring.customer(scope, (forbidding,)), key, b"plain")


async def test_a_key_policy_that_leaves_the_account_out_stands_above_administrators(
    customer: Customer,
) -> None:
    only = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:user/tester"},
        "Action": ["kms:PutKeyPolicy", "kms:DescribeKey"],
        "Resource": "*",
    }
    key = await a_key(customer, Policy=json.dumps({"Statement": only}))

    with pytest.raises(AccessDeniedException, match="no resource-based policy"):
        await encrypt(customer, key, b"plain")


async def test_a_policy_may_turn_on_the_encryption_context(
    ring: Ring, customer: Customer, scope: Scope
) -> None:
    key = await a_key(customer)
    shop = Policy.parse(
        {
            "Statement": {
                "Effect": "Allow",
                "Action": "kms:Encrypt",
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:EncryptionContext:app": "shop"}},
            }
        }
    )
    clerk = ring.customer(scope, (shop,))

    await encrypt(clerk, key, b"plain", app="shop")
    with pytest.raises(AccessDeniedException):
        await encrypt(clerk, key, b"plain", app="till")
    with pytest.raises(AccessDeniedException):
        await encrypt(clerk, key, b"plain")


async def test_a_policy_may_turn_on_the_keys_tags(
    ring: Ring, customer: Customer, scope: Scope
) -> None:
    key = await a_key(customer, Tags=[{"TagKey": "team", "TagValue": "shop"}])
    other = await a_key(customer)
    condition = {"StringEquals": {"aws:ResourceTag/team": "shop"}}
    statement = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": condition}
    clerk = ring.customer(scope, (Policy.parse({"Statement": statement}),))

    await encrypt(clerk, key, b"plain")
    with pytest.raises(AccessDeniedException):
        await encrypt(clerk, other, b"plain")


async def test_another_account_needs_both(
    ring: Ring, customer: Customer, other_scope: Scope
) -> None:
    shared = {
        "Effect": "Allow",
        "Principal": {"AWS": other_scope.account},
        "Action": ["kms:Encrypt", "kms:Decrypt"],
        "Resource": "*",
    }
    arn = f"arn:aws:kms:eu-west-1:111122223333:key/{await a_key(customer, Policy=a_policy(shared))}"
    private = f"arn:aws:kms:eu-west-1:111122223333:key/{await a_key(customer)}"
    guest = ring.customer(other_scope)

    sealed = await encrypt(guest, arn, b"plain")

    assert b"plain" == await decrypt(guest, sealed)
    assert b"plain" == await decrypt(customer, sealed)
    with pytest.raises(AccessDeniedException):
        await encrypt(ring.customer(other_scope, NOBODY), arn, b"plain")
    for closed in (private, f"arn:aws:kms:eu-west-1:111122223333:key/{NO_KEY}"):
        with pytest.raises(AccessDeniedException):
            await encrypt(guest, closed, b"plain")
    with pytest.raises(AccessDeniedException):
        await guest.ask("DisableKey", KeyId=arn)


async def test_the_services_key_is_made_when_asked_for_and_works_for_the_service_alone(
    customer: Customer,
) -> None:
    told = (await customer.ask("DescribeKey", KeyId="alias/aws/ssm"))["KeyMetadata"]
    again = (await customer.ask("DescribeKey", KeyId="alias/aws/ssm"))["KeyMetadata"]

    assert ("AWS", told["KeyId"]) == (told["KeyManager"], again["KeyId"])
    for operation, more in (
        ("Encrypt", {"Plaintext": b"x"}),
        ("DisableKey", {}),
        ("ScheduleKeyDeletion", {}),
        ("PutKeyPolicy", {"Policy": a_policy()}),
    ):
        with pytest.raises(AccessDeniedException):
            await customer.ask(operation, KeyId=told["KeyId"], **more)
