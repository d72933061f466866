"""Which operation a request means."""

import pytest

from ostler.gateway.route import route
from ostler.wire.errors import UnknownOperationException
from ostler.wire.http import Request


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
