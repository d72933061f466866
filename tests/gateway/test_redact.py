"""What the audit log may keep of an input."""

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
