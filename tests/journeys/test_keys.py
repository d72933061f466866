"""KMS by boto3: keys that seal what applications keep, and secure strings under them."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.processes import ServerProcess

SECRET = "open sesame"


@pytest.fixture(scope="module")
def kms(server: ServerProcess) -> Any:
    """boto3's kms client of the administrator."""
    return server.client("kms")


@pytest.fixture
def key(kms: Any) -> Iterator[str]:
    """A key's id; the key goes afterwards."""
    made = kms.create_key(Description="journey", Tags=[{"TagKey": "team", "TagValue": "shop"}])
    key_id = made["KeyMetadata"]["KeyId"]
    yield key_id
    if kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] != "PendingDeletion":
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)


def test_a_text_is_sealed_and_opened(kms: Any, key: str) -> None:
    context = {"app": "shop"}
    sealed = kms.encrypt(KeyId=key, Plaintext=SECRET, EncryptionContext=context)

    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)

    assert SECRET.encode() == opened["Plaintext"]
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"app": "till"})


def test_a_data_key_outlives_a_rotation(kms: Any, key: str) -> None:
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    kms.rotate_key_on_demand(KeyId=key)
    kms.enable_key_rotation(KeyId=key)

    assert made["Plaintext"] == kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    assert 1 == len(kms.list_key_rotations(KeyId=key)["Rotations"])


def test_every_page_of_keys_and_aliases(kms: Any, key: str) -> None:
    kms.create_alias(AliasName="alias/journey", TargetKeyId=key)

    keys = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1})
    aliases = kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 1})

    assert key in {each["KeyId"] for page in keys for each in page["Keys"]}
    assert "alias/journey" in {each["AliasName"] for page in aliases for each in page["Aliases"]}
    kms.delete_alias(AliasName="alias/journey")


def test_a_secure_string_under_a_key_of_ones_own(
    server: ServerProcess, kms: Any, ssm: Any, key: str
) -> None:
    name = "/journey/keys/secret"
    ssm.put_parameter(Name=name, Value=SECRET, Type="SecureString", KeyId=key, Overwrite=True)
    read = {"Name": name, "WithDecryption": True}
    assert SECRET == ssm.get_parameter(**read)["Parameter"]["Value"]

    closed = base64.b64decode(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
    opened = kms.decrypt(CiphertextBlob=closed, EncryptionContext={"PARAMETER_ARN": arn})
    assert SECRET.encode() == opened["Plaintext"]

    kms.disable_key(KeyId=key)
    with pytest.raises(ssm.exceptions.InvalidKeyId, match="is disabled"):
        ssm.get_parameter(**read)
    kms.enable_key(KeyId=key)
    assert SECRET == ssm.get_parameter(**read)["Parameter"]["Value"]
    ssm.delete_parameter(Name=name)


def test_a_key_of_another_account_is_no_key(
    server: ServerProcess, guest: dict[str, Any], kms: Any, key: str
) -> None:
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]

    with pytest.raises(ClientError, match="AccessDenied"):
        server.client_of(guest, service="kms").encrypt(KeyId=arn, Plaintext=b"x")
