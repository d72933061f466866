"""API destinations: who is called, what proves that it is us, and what is tried again."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from ostler.capabilities.events.errors import ResourceNotFoundException
from ostler.capabilities.events.model.webhooks import signature
from ostler.foundation.errors import ValidationException
from ostler.foundation.outbound import Answer, Unreachable
from tests.capabilities.events.conftest import ROLE, Bench, a_rule, parameter_changed
from tests.support.calls import Customer, allowing

URL = "https://receiver.example/hook"
BASIC: dict[str, Any] = {
    "AuthorizationType": "BASIC",
    "AuthParameters": {"BasicAuthParameters": {"Username": "me", "Password": "s3cret"}},
}
SIGNED: dict[str, Any] = {
    "AuthorizationType": "API_KEY",
    "AuthParameters": {
        "ApiKeyAuthParameters": {
            "ApiKeyName": "webhook-signature",
            "ApiKeyValue": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        }
    },
}


async def a_webhook(
    customer: Customer, connection: dict[str, Any], url: str = URL, **target: Any
) -> str:
    """A rule that calls a webhook; the ARN of the API destination."""
    made = await customer.ask("CreateConnection", Name="c", **connection)
    destination = await customer.ask(
        "CreateApiDestination",
        Name="d",
        ConnectionArn=made["ConnectionArn"],
        InvocationEndpoint=url,
        HttpMethod="POST",
    )
    arn = str(destination["ApiDestinationArn"])
    told = {"Id": "t", "Arn": arn, "RoleArn": ROLE, **target}
    await a_rule(customer, {"source": ["aws.ssm"]}, told)
    return arn


async def test_a_webhook_is_called_with_the_event(bench: Bench, customer: Customer) -> None:
    await a_webhook(customer, BASIC)

    await bench.happen(parameter_changed())

    [called] = bench.world.came
    assert ("POST", URL) == (called.method, called.url)
    assert "Basic " + base64.b64encode(b"me:s3cret").decode() == called.headers["authorization"]
    assert "/app/x" == json.loads(called.body)["detail"]["name"]
    assert [] == await bench.kept()


def test_a_signature_is_that_of_the_standard_webhooks_specification() -> None:
    """The specification's own example."""
    body = b'{"test": 2432232314}'
    told = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body
    )

    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == told


async def test_a_signed_webhook_proves_body_and_time(bench: Bench, customer: Customer) -> None:
    await a_webhook(customer, SIGNED)

    await bench.happen(parameter_changed())

    [called] = bench.world.came
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = f"{called.headers['webhook-id']}.{called.headers['webhook-timestamp']}.".encode()
    expected = hmac.new(key, signed + called.body, hashlib.sha256).digest()
    assert f"v1,{base64.b64encode(expected).decode()}" == called.headers["webhook-signature"]


async def test_a_call_has_what_connection_and_target_add(bench: Bench, customer: Customer) -> None:
    added = {
        "HeaderParameters": [{"Key": "X-Team", "Value": "ops", "IsValueSecret": True}],
        "QueryStringParameters": [{"Key": "a", "Value": "b c"}],
        "BodyParameters": [{"Key": "more", "Value": "1"}],
    }
    connection = {
        "AuthorizationType": "API_KEY",
        "AuthParameters": {
            "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"},
            "InvocationHttpParameters": added,
        },
    }
    http = {
        "PathParameterValues": ["x/y"],
        "HeaderParameters": {"X-One": "1"},
        "QueryStringParameters": {"q": "2"},
    }
    await a_webhook(customer, connection, f"{URL}/*", HttpParameters=http, InputPath="$.detail")

    await bench.happen(parameter_changed())

    [called] = bench.world.came
    assert f"{URL}/x%2Fy?q=2&a=b%20c" == called.url
    assert ("ops", "k", "1") == tuple(called.headers[name] for name in ("x-team", "x-key", "x-one"))
    assert {"name": "/app/x", "operation": "Create", "more": "1"} == json.loads(called.body)


async def test_oauth_asks_for_a_token_once(bench: Bench, customer: Customer) -> None:
    tokens = "https://idp.example/token"
    client = {"ClientID": "id", "ClientSecret": "secret"}
    connection = {
        "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
        "AuthParameters": {
            "OAuthParameters": {
                "ClientParameters": client,
                "AuthorizationEndpoint": tokens,
                "HttpMethod": "POST",
            }
        },
    }
    bench.world.answers[tokens] = Answer(200, {}, b'{"access_token": "tok", "expires_in": 600}')
    await a_webhook(customer, connection)

    await bench.happen(parameter_changed())
    await bench.happen(parameter_changed())
    await bench.clock.advance(timedelta(minutes=10))
    await bench.happen(parameter_changed())

    assert [tokens, URL, URL, tokens, URL] == [called.url for called in bench.world.came]
    assert "Bearer tok" == bench.world.came[1].headers["authorization"]
    assert b"grant_type=client_credentials" == bench.world.came[0].body


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (Answer(500), True),
        (Answer(429), True),
        (Answer(409), True),
        (Unreachable("away"), True),
        (Answer(400), False),
        (Answer(404), False),
        (Answer(302), False),
        (Unreachable("never", lasting=True), False),
    ],
)
async def test_what_may_pass_is_tried_again(
    bench: Bench, customer: Customer, answer: Any, again: bool
) -> None:
    await a_webhook(customer, BASIC)
    bench.world.answers[URL] = answer

    await bench.happen(parameter_changed())

    assert [again] == [parcel.failed_at is None for parcel in await bench.kept()]


async def test_a_receiver_gets_the_same_id_every_time(bench: Bench, customer: Customer) -> None:
    await a_webhook(customer, BASIC)
    bench.world.answers[URL] = Answer(503, {"retry-after": "120"})
    await bench.happen(parameter_changed())
    [waiting] = await bench.kept()

    await bench.clock.advance(timedelta(seconds=120))
    await bench.timers.run_due()

    assert bench.clock.now() == waiting.due_at
    assert 1 == len({called.headers["webhook-id"] for called in bench.world.came})
    assert 2 == len(bench.world.came)


async def test_the_role_has_to_be_allowed_to_call(bench: Bench, customer: Customer) -> None:
    await a_webhook(customer, BASIC)
    bench.roles.policies = allowing("events:PutEvents")

    await bench.happen(parameter_changed())

    assert [] == bench.world.came
    assert "events:InvokeApiDestination" in (await bench.kept(failed=True))[0].fault


async def test_secrets_are_shown_to_nobody_and_lie_sealed(bench: Bench, customer: Customer) -> None:
    secret = "pass-word-of-receivers"
    connection = {
        "AuthorizationType": "BASIC",
        "AuthParameters": {
            "BasicAuthParameters": {"Username": "me", "Password": secret},
            "InvocationHttpParameters": {
                "HeaderParameters": [{"Key": "x", "Value": secret, "IsValueSecret": True}]
            },
        },
    }
    await a_webhook(customer, connection)
    await bench.happen(parameter_changed())

    told = await customer.ask("DescribeConnection", Name="c")
    with bench.house.storage.engine.connect() as connected:
        rows = connected.exec_driver_sql("SELECT * FROM events_connections").all()

    assert {"Username": "me"} == told["AuthParameters"]["BasicAuthParameters"]
    assert secret not in repr(told) + repr(rows)
    assert secret in bench.world.came[0].headers["x"]


async def test_a_change_keeps_what_it_does_not_name(bench: Bench, customer: Customer) -> None:
    await a_webhook(customer, BASIC)
    await customer.ask(
        "UpdateConnection",
        Name="c",
        AuthParameters={"BasicAuthParameters": {"Password": "new"}},
    )
    await customer.ask("UpdateApiDestination", Name="d", InvocationEndpoint=f"{URL}/2")

    await bench.happen(parameter_changed())

    [called] = bench.world.came
    assert f"{URL}/2" == called.url
    assert "Basic " + base64.b64encode(b"me:new").decode() == called.headers["authorization"]


async def test_connections_and_destinations_are_listed_and_deleted(customer: Customer) -> None:
    arn = await a_webhook(customer, BASIC)
    [connection] = (await customer.ask("ListConnections"))["Connections"]
    listed = await customer.ask("ListApiDestinations", ConnectionArn=connection["ConnectionArn"])

    assert [arn] == [each["ApiDestinationArn"] for each in listed["ApiDestinations"]]
    with pytest.raises(ValidationException, match="use the connection"):
        await customer.ask("DeleteConnection", Name="c")
    await customer.ask("DeleteApiDestination", Name="d")
    await customer.ask("DeleteConnection", Name="c")
    with pytest.raises(ResourceNotFoundException):
        await customer.ask("DescribeConnection", Name="c")


async def test_a_destination_that_is_gone_gives_up_what_waits(
    bench: Bench, customer: Customer
) -> None:
    await a_webhook(customer, BASIC)
    await customer.ask("DeleteApiDestination", Name="d")

    await bench.happen(parameter_changed())

    assert "There is no arn:" in (await bench.kept(failed=True))[0].fault


@pytest.mark.parametrize("url", ["ftp://a", "https://u:p@a/", "nothing"])
async def test_what_is_no_url_is_refused(customer: Customer, url: str) -> None:
    made = await customer.ask("CreateConnection", Name="c", **BASIC)

    with pytest.raises(ValidationException):
        await customer.ask(
            "CreateApiDestination",
            Name="d",
            ConnectionArn=made["ConnectionArn"],
            InvocationEndpoint=url,
            HttpMethod="POST",
        )
