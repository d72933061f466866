"""The way of an API call: whatever comes, an answer goes out, in AWS's form."""

import json
from pathlib import Path
from typing import Any

import pytest

from ostler.foundation import audit
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.storage import Scope
from ostler.server.compose import House, compose
from ostler.server.settings import Settings
from ostler.wire.http import Request, Response
from ostler.wire.sigv4 import sign

SETTINGS = {
    "account": "111122223333",
    "access_key": "AKIAIOSFODNN7EXAMPLE",
    "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}
SCOPE = Scope(AccountId("111122223333"), Region("us-east-1"))


async def a_house(folder: Path, clock: ManualClock, **changed: Any) -> House:
    return await compose(Settings(data=folder, **SETTINGS), clock=clock, **changed)


def a_request(target: str, body: bytes = b"{}") -> Request:
    kind = "application/x-amz-json-1.1"
    told = {"host": "localhost", "x-amz-target": target, "content-type": kind}
    return Request("POST", "/", "", told, body)


def signed(request: Request, clock: ManualClock, **changed: str) -> Request:
    given = {
        "access_key": SETTINGS["access_key"],
        "secret": SETTINGS["secret_key"],
        "session_token": None,
        "region": "us-east-1",
        "service": "ssm",
    }
    return sign(request, **(given | changed), at=clock.now())


def code(response: Response) -> str:
    return str(json.loads(response.body)["__type"])


async def ask(house: House, request: Request) -> Response:
    try:
        return await house.gateway.answer(request)
    finally:
        house.storage.close()


async def test_a_signed_call_is_answered(tmp_path: Path, clock: ManualClock) -> None:
    house = await a_house(tmp_path, clock)

    answer = await ask(house, signed(a_request("AmazonSSM.ListCommands"), clock))

    assert (200, {"Commands": []}) == (answer.status, json.loads(answer.body))
    assert answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("request_of", "expected"),
    [
        (lambda clock: a_request("AmazonSSM.ListCommands"), "MissingAuthenticationTokenException"),
        (
            lambda clock: signed(a_request("AmazonSSM.ListCommands"), clock, secret="wrong"),
            "InvalidSignatureException",
        ),
        (
            lambda clock: signed(
                a_request("AmazonSSM.ListCommands"), clock, access_key="AKIANOBODY"
            ),
            "UnrecognizedClientException",
        ),
        (lambda clock: signed(a_request("AmazonSSM.Nothing"), clock), "UnknownOperationException"),
        (
            lambda clock: signed(a_request("AmazonSSM.ListCommands", b"["), clock),
            "SerializationException",
        ),
        (
            lambda clock: signed(a_request("AmazonSSM.SendCommand"), clock),
            "ValidationException",
        ),
    ],
)
async def test_a_bad_call_is_refused_in_awss_words(
    tmp_path: Path, clock: ManualClock, request_of: Any, expected: str
) -> None:
    house = await a_house(tmp_path, clock)

    answer = await ask(house, request_of(clock))

    assert (400, expected) == (answer.status, code(answer))


async def test_what_is_not_built_says_so(tmp_path: Path, clock: ManualClock) -> None:
    house = await a_house(tmp_path, clock)

    answer = await ask(house, signed(a_request("AmazonSSM.DescribeMaintenanceWindows"), clock))

    assert (501, "NotYetImplemented") == (answer.status, code(answer))


async def test_what_is_not_built_is_not_told_to_strangers(
    tmp_path: Path, clock: ManualClock
) -> None:
    house = await a_house(tmp_path, clock)

    answer = await ask(house, a_request("AmazonSSM.DescribeMaintenanceWindows"))

    assert "MissingAuthenticationTokenException" == code(answer)


async def test_a_bug_is_an_answer_that_tells_nothing_but_the_request(
    tmp_path: Path, clock: ManualClock
) -> None:
    house = await a_house(tmp_path, clock)
    house.storage.close()  # as good as any bug: whatever needs the database fails

    answer = await house.gateway.answer(signed(a_request("AmazonSSM.ListCommands"), clock))

    assert (500, "InternalServerError") == (answer.status, code(answer))
    assert answer.headers["x-amzn-requestid"] in json.loads(answer.body)["Message"]


async def test_a_call_and_its_refusal_are_in_the_audit_log(
    tmp_path: Path, clock: ManualClock
) -> None:
    house = await a_house(tmp_path, clock)
    target = "AmazonSSM.DescribeDocument"
    await house.gateway.answer(signed(a_request(target, b'{"Name":"AWS-Noop"}'), clock))
    await house.gateway.answer(signed(a_request(target, b'{"Name":"none-such"}'), clock))
    async with house.running():
        pass  # what was collected is written when the house closes

    again = await a_house(tmp_path, clock)
    kept = await again.storage.read(SCOPE, audit.find)
    again.storage.close()

    assert [
        ("ssm:DescribeDocument", '{"Name":"AWS-Noop"}', "Success"),
        ("ssm:DescribeDocument", '{"Name":"none-such"}', "InvalidDocument"),
    ] == [(each.action, each.input, each.outcome) for each in kept]
