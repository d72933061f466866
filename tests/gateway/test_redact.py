"""What the audit log may keep of an input."""

import hashlib
import json

import pytest

from ostler.gateway.redact import redacted
from ostler.wire import models


def test_a_command_keeps_its_document_and_hides_its_parameters() -> None:
    given = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["echo s3cret"]}}

    kept = redacted(models.operation("ssm", "SendCommand"), given)

    assert kept == {"DocumentName": "AWS-RunShellScript", "Parameters": "***"}


def test_a_parameter_keeps_its_name_and_hides_its_value() -> None:
    given = {"Name": "/db/password", "Value": "s3cret", "Type": "SecureString"}

    kept = redacted(models.operation("ssm", "PutParameter"), given)

    assert kept == {"Name": "/db/password", "Value": "***", "Type": "SecureString"}


def test_of_a_document_there_is_the_digest() -> None:
    content = '{"schemaVersion": "2.2", "mainSteps": []}'

    kept = redacted(models.operation("ssm", "CreateDocument"), {"Name": "a", "Content": content})

    digest = hashlib.sha256(content.encode()).hexdigest()
    assert {"Name": "a", "Content": f"*** {len(content)} characters, SHA-256 {digest}"} == kept


def test_of_whatever_is_long_there_is_the_digest() -> None:
    short, long = "s" * 1024, "l" * 1025
    given = {"DocumentName": short, "Comment": long, "InstanceIds": [short, long]}

    kept = redacted(models.operation("ssm", "SendCommand"), given)

    assert short == kept["DocumentName"]
    assert kept["Comment"].startswith("*** 1025 characters, SHA-256 ")
    assert [short, kept["Comment"]] == kept["InstanceIds"]


@pytest.mark.parametrize(
    ("service", "operation", "member"),
    [
        ("ssm", "RegisterManagedInstance", "ActivationCode"),
        # Beside the key it is what tells a machine from its copy.
        ("ssm", "RegisterManagedInstance", "Fingerprint"),
        ("ssm", "RequestManagedInstanceRoleToken", "Fingerprint"),
        # What scripts put out.
        ("ec2messages", "SendReply", "Payload"),
    ],
)
def test_agents_secrets_are_hidden_too(service: str, operation: str, member: str) -> None:
    kept = redacted(models.operation(service, operation), {member: "s3cret"})

    assert "s3cret" not in json.dumps(kept)
