"""AWS JSON 1.1: what is refused, what is answered, and in which words."""

import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.wire import jsonrpc, models, validation
from ostler.wire.errors import SerializationException, WireFault
from ostler.wire.http import Request

SSM = models.model("ssm")
GET_PARAMETER = models.operation("ssm", "GetParameter")
SEND_COMMAND = models.operation("ssm", "SendCommand")
GET_INVENTORY = models.operation("ssm", "GetInventory")


def posted(body: bytes) -> Request:
    return Request("POST", "/", body=body)


def refused(code, message="", op=None, service=SSM, **members):
    return jsonrpc.write_error(service, op, code, message, members, "request-id")


@pytest.mark.parametrize("body", [b"", b"null", b'"x"', b"[]", b"{", b"7", b'{"Name": 7}'])
def test_bodies_that_are_no_input(body):
    with pytest.raises(SerializationException):
        jsonrpc.read(GET_PARAMETER, posted(body))


def test_idempotency_tokens_are_made_for_those_who_bring_none():
    op = models.operation("ssm", "CreateMaintenanceWindow")
    brought = jsonrpc.read(op, posted(b'{"ClientToken": "mine"}'), mint=lambda: "ours")
    made = jsonrpc.read(op, posted(b"{}"), mint=lambda: "ours")

    assert ("mine", "ours") == (brought["ClientToken"], made["ClientToken"])
    assert {} == jsonrpc.read(op, posted(b"{}"))


def test_an_answer():
    answer = jsonrpc.write(
        GET_PARAMETER, {"Parameter": {"Name": "a", "Sealed": "secret"}, "Cause": "x"}, "request-id"
    )

    assert 200 == answer.status
    assert {"Parameter": {"Name": "a"}} == msgspec.json.decode(answer.body)
    assert {
        "content-type": "application/x-amz-json-1.1",
        "x-amzn-requestid": "request-id",
    } == answer.headers


def test_the_message_is_spelt_as_the_error_declares_it():
    """Most of the service's errors have a capital there, some have none."""
    small = refused("ParameterNotFound", "gone")
    capital = refused("InvalidInstanceId", "whose?")

    assert {"__type": "ParameterNotFound", "message": "gone"} == msgspec.json.decode(small.body)
    assert {"__type": "InvalidInstanceId", "Message": "whose?"} == msgspec.json.decode(capital.body)
    assert 400 == small.status == capital.status


def test_an_empty_message_is_none():
    assert b'{"__type":"ParameterNotFound"}' == refused("ParameterNotFound").body


def test_members_of_an_error():
    answer = refused(
        "OpsItemLimitExceededException", "full", Limit=10, ResourceTypes=["x"], Why="secret"
    )

    assert {
        "__type": "OpsItemLimitExceededException",
        "Limit": 10,
        "ResourceTypes": ["x"],
        "Message": "full",
    } == msgspec.json.decode(answer.body)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InternalServerError", 500),
        ("ThrottlingException", 400),
        ("AccessDeniedException", 400),
        ("UnrecognizedClientException", 400),
        ("NotYetImplemented", 501),
        ("SomethingElse", 400),
    ],
)
def test_statuses_of_what_every_service_may_answer(code, status):
    assert status == refused(code).status


def test_a_refusal_of_nobodys_operation():
    answer = refused("UnknownOperationException", "no such thing", service=SSM)

    assert {
        "__type": "UnknownOperationException",
        "message": "no such thing",
    } == msgspec.json.decode(answer.body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Name", "Parameters", "Targets", "Aggregators", "Groups", "Values", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.binary(max_size=60) | json_values.map(lambda value: msgspec.json.encode(value)))
def test_nothing_but_a_fault_is_raised(body):
    for op in (GET_PARAMETER, SEND_COMMAND, GET_INVENTORY):
        with contextlib.suppress(WireFault):
            validation.check(op.input_shape, jsonrpc.read(op, posted(body)))
