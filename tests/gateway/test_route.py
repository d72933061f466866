"""Which operation a request means."""

from datetime import UTC, datetime

import pytest

from ostler.gateway.route import form_of_answer, route
from ostler.wire.errors import UnknownOperationException
from ostler.wire.http import Request
from ostler.wire.sigv4 import Claim


def a_request(target: str) -> Request:
    return Request("POST", "/", "", {"x-amz-target": target}, b"{}")


@pytest.mark.parametrize(
    ("target", "action"),
    [
        ("AmazonSSM.SendCommand", "ssm:SendCommand"),
        ("AmazonSSM.RegisterManagedInstance", "ssm:RegisterManagedInstance"),
        ("SSMContacts.ListContacts", "ssm-contacts:ListContacts"),
        ("EC2WindowsMessageDeliveryService.GetMessages", "ec2messages:GetMessages"),
    ],
)
def test_the_target_names_service_and_operation(target: str, action: str) -> None:
    assert action == route(a_request(target), None).action


@pytest.mark.parametrize("target", ["AmazonSSM.Nothing", "Amazon.SendCommand", "", "AmazonSSM."])
def test_an_unknown_target_is_refused(target: str) -> None:
    with pytest.raises(UnknownOperationException):
        route(a_request(target), None)


FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def a_form(body: str) -> Request:
    return Request("POST", "/", "", FORM, body.encode())


def signed_for(service: str) -> Claim:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return Claim("AKIA", "20260301", "us-east-1", service, ("host",), "0", None, noon, False)


@pytest.mark.parametrize(
    ("request_", "action"),
    [
        (a_form("Action=GetUser&Version=2010-05-08"), "iam:GetUser"),
        (a_form("Version=2010-05-08&UserName=x&Action=GetUser"), "iam:GetUser"),
        (
            Request("GET", "/", "Action=GetUser&Version=2010-05-08&X-Amz-Signature=0"),
            "iam:GetUser",
        ),
        (Request("POST", "/", "Action=GetUser", FORM, b"Version=2010-05-08"), "iam:GetUser"),
    ],
)
def test_a_form_names_operation_and_version(request_: Request, action: str) -> None:
    assert action == route(request_, signed_for("iam")).action


def test_an_unsigned_form_is_known_by_its_version() -> None:
    request = a_form("Action=AssumeRoleWithWebIdentity&Version=2011-06-15")

    assert "sts:AssumeRoleWithWebIdentity" == route(request, None).action


@pytest.mark.parametrize(
    ("body", "service"),
    [
        ("Action=GetUser&Version=2011-06-15", "iam"),
        ("Action=GetUser&Version=2010-05-08", "sts"),
        ("Action=Nothing&Version=2010-05-08", "iam"),
        ("Action=GetUser", "iam"),
        ("Version=2010-05-08", "iam"),
        ("", "iam"),
    ],
)
def test_a_form_that_names_no_operation_is_refused(body: str, service: str) -> None:
    with pytest.raises(UnknownOperationException, match="Could not find operation"):
        route(a_form(body), signed_for(service))


def test_a_form_for_another_protocols_service_is_no_call_by_form() -> None:
    request = a_form("Action=GetUser&Version=2010-05-08")

    with pytest.raises(UnknownOperationException, match="No operation answers POST /"):
        route(request, signed_for("appconfig"))


@pytest.mark.parametrize(
    ("request_", "claim", "service"),
    [
        (a_form("Action=X"), signed_for("iam"), "sts"),
        (a_form("Action=X"), None, "sts"),
        (Request("GET", "/", "Action=X"), None, "sts"),
        (a_request("AmazonSSM.X"), None, "ssm"),
        (Request("GET", "/"), None, "appconfig"),
        (Request("POST", "/applications", "", FORM), None, "appconfig"),
        (a_form("Action=X"), signed_for("appconfig"), "appconfig"),
    ],
)
def test_who_names_no_operation_is_answered_in_their_protocol(
    request_: Request, claim: Claim | None, service: str
) -> None:
    assert service == form_of_answer(request_, claim)
