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
    ("operation", "member"),
    [
        ("RegisterManagedInstance", "ActivationCode"),
    ],
)
def test_agents_secrets_are_hidden_too(operation: str, member: str) -> None:
    kept = redacted(models.operation("ssm", operation), {member: "s3cret"})

    assert "s3cret" not in json.dumps(kept)
