"""The AWS API of keys."""

from __future__ import annotations

import secrets as chance
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from ostler.capabilities.keys.errors import (
    DryRunOperationException,
    InvalidGrantTokenException,
    InvalidMarkerException,
    NotFoundException,
    TagException,
)
from ostler.capabilities.keys.model.keys import (
    YEAR,
    Alias,
    Key,
    Rotation,
    State,
    alias_arn,
    key_arn,
)
from ostler.capabilities.keys.service.keys import Keys, data_key
from ostler.capabilities.keys.service.ring import Order, Ring
from ostler.foundation.call import Call
from ostler.foundation.errors import InvalidNextToken, NotYetImplemented
from ostler.foundation.paging import Page, PageRequest

if TYPE_CHECKING:
    from ostler.wire.shapes import kms

T = TypeVar("T")

_ALGORITHM = "SYMMETRIC_DEFAULT"
_POLICY = "default"
_ONLY: Mapping[str, Any] = {
    "KeySpec": "SYMMETRIC_DEFAULT",
    "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "Origin": "AWS_KMS",
    "MultiRegion": False,
}


class Looking:
    """Makes keys, looks after them and names them."""

    service = "kms"

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    async def create_key(self, call: Call, given: kms.CreateKeyRequest) -> kms.CreateKeyResponse:
        order = Order(
            description=given.get("Description", ""),
            policy=given.get("Policy"),
            tags=_tags(given.get("Tags", [])),
            careless=given.get("BypassPolicyLockoutSafetyCheck", False),
        )
        await _expect_kind(call, given)
        return {"KeyMetadata": _metadata(await self._ring.create(call, order))}

    async def describe_key(
        self, call: Call, given: kms.DescribeKeyRequest
    ) -> kms.DescribeKeyResponse:
        return {"KeyMetadata": _metadata(await self._ring.describe(call, given["KeyId"]))}

    async def list_keys(self, call: Call, given: kms.ListKeysRequest) -> Mapping[str, Any]:
        page = await self._ring.list(call, _page(call, given, default=100, most=1000))
        return _paged(
            call, "Keys", page, lambda id_: {"KeyId": id_, "KeyArn": key_arn(call.scope, id_)}
        )

    async def update_key_description(
        self, call: Call, given: kms.UpdateKeyDescriptionRequest
    ) -> None:
        await self._ring.describe_anew(call, given["KeyId"], given["Description"])

    async def enable_key(self, call: Call, given: kms.EnableKeyRequest) -> None:
        await self._ring.enable(call, given["KeyId"])

    async def disable_key(self, call: Call, given: kms.DisableKeyRequest) -> None:
        await self._ring.disable(call, given["KeyId"])

    async def schedule_key_deletion(
        self, call: Call, given: kms.ScheduleKeyDeletionRequest
    ) -> Mapping[str, Any]:
        days = given.get("PendingWindowInDays", 30)
        key = await self._ring.schedule_deletion(call, given["KeyId"], days)
        return {
            "KeyId": key.arn,
            "DeletionDate": key.deleted_at,
            "KeyState": key.state.value,
            "PendingWindowInDays": days,
        }

    async def cancel_key_deletion(
        self, call: Call, given: kms.CancelKeyDeletionRequest
    ) -> kms.CancelKeyDeletionResponse:
        return {"KeyId": (await self._ring.cancel_deletion(call, given["KeyId"])).arn}

    async def enable_key_rotation(self, call: Call, given: kms.EnableKeyRotationRequest) -> None:
        days = given.get("RotationPeriodInDays", YEAR)
        await self._ring.rotate_every(call, given["KeyId"], days)

    async def disable_key_rotation(self, call: Call, given: kms.DisableKeyRotationRequest) -> None:
        await self._ring.rotate_every(call, given["KeyId"], None)

    async def get_key_rotation_status(
        self, call: Call, given: kms.GetKeyRotationStatusRequest
    ) -> Mapping[str, Any]:
        key = await self._ring.describe(call, given["KeyId"], aliases=False)
        answer: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": key.rotates}
        if key.rotates:
            answer |= {"RotationPeriodInDays": key.period, "NextRotationDate": key.rotates_at}
        return answer

    async def rotate_key_on_demand(
        self, call: Call, given: kms.RotateKeyOnDemandRequest
    ) -> kms.RotateKeyOnDemandResponse:
        return {"KeyId": (await self._ring.rotate_now(call, given["KeyId"])).arn}

    async def list_key_rotations(
        self, call: Call, given: kms.ListKeyRotationsRequest
    ) -> Mapping[str, Any]:
        asked = _page(call, given, default=100, most=1000)
        page = await self._ring.rotations(call, given["KeyId"], asked)
        return _paged(call, "Rotations", page, lambda each: _rotation(given["KeyId"], each))

    async def get_key_policy(
        self, call: Call, given: kms.GetKeyPolicyRequest
    ) -> kms.GetKeyPolicyResponse:
        key = await self._ring.describe(call, given["KeyId"], aliases=False)
        _expect_policy(given.get("PolicyName"))
        return {"Policy": key.policy, "PolicyName": _POLICY}

    async def put_key_policy(self, call: Call, given: kms.PutKeyPolicyRequest) -> None:
        careless = given.get("BypassPolicyLockoutSafetyCheck", False)
        await self._ring.put_policy(call, given["KeyId"], given["Policy"], careless=careless)

    async def list_key_policies(
        self, call: Call, given: kms.ListKeyPoliciesRequest
    ) -> kms.ListKeyPoliciesResponse:
        await self._ring.describe(call, given["KeyId"], aliases=False)
        return {"PolicyNames": [_POLICY], "Truncated": False}

    async def tag_resource(self, call: Call, given: kms.TagResourceRequest) -> None:
        await self._ring.tag(call, given["KeyId"], _tags(given["Tags"]))

    async def untag_resource(self, call: Call, given: kms.UntagResourceRequest) -> None:
        await self._ring.untag(call, given["KeyId"], given["TagKeys"])

    async def list_resource_tags(
        self, call: Call, given: kms.ListResourceTagsRequest
    ) -> kms.ListResourceTagsResponse:
        key = await self._ring.describe(call, given["KeyId"], aliases=False)
        tags: list[kms.Tag] = [{"TagKey": tag, "TagValue": value} for tag, value in key.tags]
        return {"Tags": tags, "Truncated": False}

    async def create_alias(self, call: Call, given: kms.CreateAliasRequest) -> None:
        await self._ring.create_alias(call, given["AliasName"], given["TargetKeyId"])

    async def update_alias(self, call: Call, given: kms.UpdateAliasRequest) -> None:
        await self._ring.update_alias(call, given["AliasName"], given["TargetKeyId"])

    async def delete_alias(self, call: Call, given: kms.DeleteAliasRequest) -> None:
        await self._ring.delete_alias(call, given["AliasName"])

    async def list_aliases(self, call: Call, given: kms.ListAliasesRequest) -> Mapping[str, Any]:
        asked = _page(call, given, default=50, most=100)
        page = await self._ring.aliases(call, given.get("KeyId"), asked)
        return _paged(call, "Aliases", page, lambda each: _alias(call, each))


class Using:
    """Seals and opens with keys."""

    service = "kms"

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def encrypt(self, call: Call, given: kms.EncryptRequest) -> kms.EncryptResponse:
        context = given.get("EncryptionContext", {})
        seal = await self._keys.seal(call, given["KeyId"], context)
        _expect_earnest(given)
        return {
            "CiphertextBlob": seal.close(given["Plaintext"], context),
            "KeyId": seal.key.arn,
            "EncryptionAlgorithm": _ALGORITHM,
        }

    async def decrypt(self, call: Call, given: kms.DecryptRequest) -> kms.DecryptResponse:
        opened = await self._keys.open(
            call,
            given.get("CiphertextBlob", b""),
            given.get("EncryptionContext", {}),
            key_id=given.get("KeyId", ""),
        )
        _expect_earnest(given)
        return {
            "KeyId": opened.key.arn,
            "Plaintext": opened.plain,
            "EncryptionAlgorithm": _ALGORITHM,
            "KeyMaterialId": _material_id(opened.key.id, opened.material),
        }

    async def generate_data_key(
        self, call: Call, given: kms.GenerateDataKeyRequest
    ) -> kms.GenerateDataKeyResponse:
        plain, sealed = await self._data_key(call, given)
        return {
            "Plaintext": plain,
            "CiphertextBlob": sealed["CiphertextBlob"],
            "KeyId": sealed["KeyId"],
            "KeyMaterialId": sealed["KeyMaterialId"],
        }

    async def generate_data_key_without_plaintext(
        self, call: Call, given: kms.GenerateDataKeyWithoutPlaintextRequest
    ) -> kms.GenerateDataKeyWithoutPlaintextResponse:
        return (await self._data_key(call, given))[1]

    async def generate_random(
        self, call: Call, given: kms.GenerateRandomRequest
    ) -> kms.GenerateRandomResponse:
        await call.allow()
        _expect_earnest(given)
        return {"Plaintext": chance.token_bytes(given.get("NumberOfBytes", 32))}

    async def re_encrypt(self, call: Call, given: kms.ReEncryptRequest) -> kms.ReEncryptResponse:
        context = given.get("DestinationEncryptionContext", {})
        opened = await self._keys.open(
            call,
            given.get("CiphertextBlob", b""),
            given.get("SourceEncryptionContext", {}),
            key_id=given.get("SourceKeyId", ""),
            action="kms:ReEncryptFrom",
        )
        seal = await self._keys.seal(
            call, given["DestinationKeyId"], context, action="kms:ReEncryptTo"
        )
        _expect_earnest(given)
        return {
            "CiphertextBlob": seal.close(opened.plain, context),
            "SourceKeyId": opened.key.arn,
            "KeyId": seal.key.arn,
            "SourceEncryptionAlgorithm": _ALGORITHM,
            "DestinationEncryptionAlgorithm": _ALGORITHM,
            "SourceKeyMaterialId": _material_id(opened.key.id, opened.material),
            "DestinationKeyMaterialId": _material_id(seal.key.id, seal.key.material),
        }

    async def _data_key(
        self, call: Call, given: Any
    ) -> tuple[bytes, kms.GenerateDataKeyWithoutPlaintextResponse]:
        context = given.get("EncryptionContext", {})
        seal = await self._keys.seal(call, given["KeyId"], context)
        plain = data_key(given.get("NumberOfBytes"), given.get("KeySpec"))
        _expect_earnest(given)
        return plain, {
            "CiphertextBlob": seal.close(plain, context),
            "KeyId": seal.key.arn,
            "KeyMaterialId": _material_id(seal.key.id, seal.key.material),
        }


async def _expect_kind(call: Call, given: kms.CreateKeyRequest) -> None:
    members: Mapping[str, Any] = given
    for name, only in _ONLY.items():
        if members.get(name, only) != only:
            await call.allow()
            raise NotYetImplemented(f"{name} is {only} here; {members[name]} is not built yet.")
    for name in ("CustomKeyStoreId", "XksKeyId"):
        if name in members:
            await call.allow()
            raise NotYetImplemented(f"{name} is not built yet.")


def _expect_earnest(given: Mapping[str, Any]) -> None:
    """Stop before the deed where it was only tried, or stands on what does not exist."""
    if "Recipient" in given:
        raise NotYetImplemented("Recipient is not built yet.")
    if given.get("GrantTokens"):
        raise InvalidGrantTokenException("There are no grants.")
    if given.get("DryRun"):
        raise DryRunOperationException(
            "The request would have succeeded, but the DryRun option is set."
        )


def _expect_policy(name: str | None) -> None:
    if name not in (None, _POLICY):
        raise NotFoundException("No such policy exists")


def _page(call: Call, given: Any, *, default: int, most: int) -> PageRequest:
    try:
        return call.page_request(given, default=default, most=most, limit="Limit", marker="Marker")
    except InvalidNextToken as fault:
        raise InvalidMarkerException("The marker is not valid.") from fault


def _paged(
    call: Call, member: str, page: Page[T], written: Callable[[T], Any]
) -> Mapping[str, Any]:
    answer = call.paged(member, page, written, marker="NextMarker")
    return {**answer, "Truncated": "NextMarker" in answer}


def _tags(given: Sequence[kms.Tag]) -> dict[str, str]:
    tags = {tag["TagKey"]: tag["TagValue"] for tag in given}
    if len(tags) < len(given):
        raise TagException("Duplicate tag keys")
    return tags


def _metadata(key: Key) -> kms.KeyMetadata:
    written: kms.KeyMetadata = {
        "AWSAccountId": key.scope.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created,
        "Enabled": key.state is State.ENABLED,
        "Description": key.description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": key.state.value,
        "Origin": "AWS_KMS",
        "KeyManager": "AWS" if key.service else "CUSTOMER",
        "CustomerMasterKeySpec": _ALGORITHM,
        "KeySpec": _ALGORITHM,
        "EncryptionAlgorithms": [_ALGORITHM],
        "MultiRegion": False,
        "CurrentKeyMaterialId": _material_id(key.id, key.material),
    }
    if key.deleted_at is not None:
        written["DeletionDate"] = key.deleted_at
    return written


def _alias(call: Call, alias: Alias) -> Mapping[str, Any]:
    return {
        "AliasName": alias.name,
        "AliasArn": alias_arn(call.scope, alias.name),
        "TargetKeyId": alias.key,
        "CreationDate": alias.created,
        "LastUpdatedDate": alias.updated,
    }


def _rotation(key_id: str, rotation: Rotation) -> Mapping[str, Any]:
    return {
        "KeyId": key_id,
        "KeyMaterialId": _material_id(key_id.rpartition("/")[2], rotation.number),
        "RotationDate": rotation.at,
        "RotationType": "ON_DEMAND" if rotation.on_demand else "AUTOMATIC",
    }


def _material_id(key_id: str, number: int) -> str:
    """What AWS calls a key's material: 64 hexadecimal digits that say nothing of it."""
    return sha256(f"{key_id}:{number}".encode()).hexdigest()
