"""Subscribers: they confirm, they are told what they want, and whatever comes is signed."""

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ostler.capabilities.notifications.errors import InvalidParameterException, NotFoundException
from ostler.foundation.errors import NotYetImplemented
from ostler.foundation.outbound import Answer
from tests.capabilities.notifications.conftest import Desk, a_topic, on_both_engines
from tests.support.calls import Customer

URL = "https://receiver.example/sns"


async def a_subscriber(desk: Desk, customer: Customer, topic: str, **attributes: str) -> str:
    """The ARN of a subscription over HTTPS that has been confirmed as receivers do it."""
    await customer.ask(
        "Subscribe", TopicArn=topic, Protocol="https", Endpoint=URL, Attributes=attributes
    )
    await desk.timers.run_due()
    asked = json.loads(desk.world.came.pop().body)
    link = parse_qs(urlsplit(asked["SubscribeURL"]).query)
    assert ["ConfirmSubscription"] == link["Action"]
    confirmed = await customer.ask(
        "ConfirmSubscription", TopicArn=link["TopicArn"][0], Token=link["Token"][0]
    )
    return str(confirmed["SubscriptionArn"])


async def publish(desk: Desk, customer: Customer, topic: str, **given: Any) -> str:
    answer = await customer.ask("Publish", TopicArn=topic, **given)
    await desk.timers.run_due()
    return str(answer["MessageId"])


def bodies(desk: Desk) -> list[Any]:
    return [json.loads(called.body) for called in desk.world.came]


@on_both_engines
async def test_an_endpoint_is_told_nothing_before_it_confirmed(
    desk: Desk, customer: Customer
) -> None:
    topic = await a_topic(customer)
    answer = await customer.ask("Subscribe", TopicArn=topic, Protocol="https", Endpoint=URL)
    await publish(desk, customer, topic, Message="early")

    assert "pending confirmation" == answer["SubscriptionArn"]
    assert ["SubscriptionConfirmation"] == [body["Type"] for body in bodies(desk)]
    [pending] = (await customer.ask("ListSubscriptionsByTopic", TopicArn=topic))["Subscriptions"]
    assert "PendingConfirmation" == pending["SubscriptionArn"]


@on_both_engines
async def test_a_confirmed_endpoint_gets_what_is_published(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    own = await a_subscriber(desk, customer, topic)

    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    message = await publish(
        desk, customer, topic, Message="text", Subject="Hello", MessageAttributes=attributes
    )

    [called] = desk.world.came
    told = json.loads(called.body)
    assert ("Notification", message, topic, "Hello", "text") == tuple(
        told[name] for name in ("Type", "MessageId", "TopicArn", "Subject", "Message")
    )
    assert {"kind": {"Type": "String", "Value": "x"}} == told["MessageAttributes"]
    assert ("Notification", own) == tuple(
        called.headers[f"x-amz-sns-{name}"] for name in ("message-type", "subscription-arn")
    )
    assert "2026-01-01T00:00:00.000Z" == told["Timestamp"]
    assert [] == await desk.kept()


@pytest.mark.parametrize(("version", "digest"), [("1", hashes.SHA1()), ("2", hashes.SHA256())])
async def test_a_message_is_signed_as_sns_signs(
    desk: Desk, customer: Customer, version: str, digest: Any
) -> None:
    topic = await a_topic(customer, SignatureVersion=version)
    await a_subscriber(desk, customer, topic)
    await publish(desk, customer, topic, Message="m", Subject="s")

    [told] = bodies(desk)
    name = told["SigningCertURL"].rpartition("/SimpleNotificationService-")[2]
    certificate = await desk.capability.service.certificate(name.removesuffix(".pem"))
    key = x509.load_pem_x509_certificate(certificate).public_key()
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    signed = "".join(f"{each}\n{told[each]}\n" for each in names).encode()

    assert isinstance(key, rsa.RSAPublicKey)
    assert version == told["SignatureVersion"]
    key.verify(base64.b64decode(told["Signature"]), signed, padding.PKCS1v15(), digest)


async def test_raw_delivery_is_the_message_and_no_more(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    await a_subscriber(desk, customer, topic, RawMessageDelivery="true")

    await publish(desk, customer, topic, Message="just this")

    assert [b"just this"] == [called.body for called in desk.world.came]
    assert "true" == desk.world.came[0].headers["x-amz-sns-rawdelivery"]


@pytest.mark.parametrize(
    ("where", "policy", "given", "told"),
    [
        ("MessageAttributes", {"n": [{"numeric": [">", 5]}]}, ("n", "Number", "6"), True),
        ("MessageAttributes", {"n": [{"numeric": [">", 5]}]}, ("n", "Number", "5"), False),
        ("MessageAttributes", {"k": ["a"]}, ("k", "String.Array", '["b", "a"]'), True),
        ("MessageAttributes", {"k": [{"prefix": "a"}]}, ("k", "String", "ab"), True),
        ("MessageAttributes", {"k": [{"anything-but": "a"}]}, ("x", "String", "a"), False),
        ("MessageBody", {"detail": {"k": ["a"]}}, ("x", "String", "a"), True),
        ("MessageBody", {"detail": {"k": ["b"]}}, ("x", "String", "a"), False),
    ],
)
async def test_a_filter_says_what_is_wanted(
    desk: Desk,
    customer: Customer,
    where: str,
    policy: Any,
    given: tuple[str, str, str],
    told: bool,
) -> None:
    topic = await a_topic(customer)
    await a_subscriber(
        desk, customer, topic, FilterPolicy=json.dumps(policy), FilterPolicyScope=where
    )
    name, kind, value = given

    await publish(
        desk,
        customer,
        topic,
        Message='{"detail": {"k": "a"}}',
        MessageAttributes={name: {"DataType": kind, "StringValue": value}},
    )

    assert told == bool(desk.world.came)


async def test_each_protocol_may_be_told_otherwise(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    await a_subscriber(desk, customer, topic, RawMessageDelivery="true")
    await customer.ask("Subscribe", TopicArn=topic, Protocol="apprise", Endpoint="test://x")

    texts = json.dumps({"default": "d", "https": "h"})
    await publish(desk, customer, topic, Message=texts, MessageStructure="json")

    assert [b"h"] == [called.body for called in desk.world.came]
    assert [("alerts", "d")] == desk.channel.told


@on_both_engines
async def test_a_batch_is_taken_entry_by_entry(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    await a_subscriber(desk, customer, topic)
    entries = [{"Id": "a", "Message": "1"}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "3"}]

    answer = await customer.ask("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    await desk.timers.run_due()

    assert ["a", "c"] == [each["Id"] for each in answer["Successful"]]
    assert ["b"] == [each["Id"] for each in answer["Failed"]]
    assert {"1", "3"} == {body["Message"] for body in bodies(desk)}


@on_both_engines
async def test_a_receiver_that_is_away_gets_it_later(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    await a_subscriber(desk, customer, topic)
    desk.world.answers[URL] = Answer(503)
    await publish(desk, customer, topic, Message="m")
    for _ in range(60):
        await desk.clock.advance(timedelta(minutes=1))
        await desk.timers.run_due()
    del desk.world.answers[URL]

    await desk.clock.advance(timedelta(minutes=10))
    await desk.timers.run_due()

    assert [] == await desk.kept()
    assert 1 == len({body["MessageId"] for body in bodies(desk)})


async def test_what_is_refused_is_listed(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    own = await a_subscriber(desk, customer, topic)
    desk.world.answers[URL] = Answer(403)

    await publish(desk, customer, topic, Message="m")

    [failed] = await desk.kept(failed=True)
    assert (own, "The receiver answers 403.") == (failed.subject, failed.fault)


async def test_whoever_unsubscribes_is_told_nothing_more(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    own = await a_subscriber(desk, customer, topic)
    desk.world.answers[URL] = Answer(503)
    await publish(desk, customer, topic, Message="m")

    await customer.ask("Unsubscribe", SubscriptionArn=own)

    assert [] == await desk.kept()
    with pytest.raises(NotFoundException, match="Subscription does not exist"):
        await customer.ask("GetSubscriptionAttributes", SubscriptionArn=own)


async def test_a_token_of_another_subscription_confirms_nothing(
    desk: Desk, customer: Customer
) -> None:
    topic = await a_topic(customer)
    await customer.ask("Subscribe", TopicArn=topic, Protocol="https", Endpoint=URL)
    await desk.timers.run_due()
    token = json.loads(desk.world.came.pop().body)["Token"]

    for wrong in ("", token[:-1], f"{token[:32]}{'0' * 64}", "ü"):
        with pytest.raises(InvalidParameterException, match="Invalid token"):
            await customer.ask("ConfirmSubscription", TopicArn=topic, Token=wrong)


@on_both_engines
async def test_who_never_confirms_is_forgotten(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    await customer.ask("Subscribe", TopicArn=topic, Protocol="https", Endpoint=URL)

    await desk.clock.advance(timedelta(days=3))
    await desk.timers.run_due()

    assert [] == (await customer.ask("ListSubscriptions"))["Subscriptions"]


async def test_one_endpoint_subscribes_once(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    own = await a_subscriber(desk, customer, topic)

    again = await customer.ask("Subscribe", TopicArn=topic, Protocol="https", Endpoint=URL)

    assert own == again["SubscriptionArn"]
    with pytest.raises(InvalidParameterException, match="different attributes"):
        await customer.ask(
            "Subscribe",
            TopicArn=topic,
            Protocol="https",
            Endpoint=URL,
            Attributes={"RawMessageDelivery": "true"},
        )


@pytest.mark.parametrize(
    ("protocol", "endpoint", "error"),
    [
        ("https", "http://a/", InvalidParameterException),
        ("http", "http://user:pw@a/", InvalidParameterException),
        ("carrier-pigeon", "x", InvalidParameterException),
        ("email", "a@b.example", NotYetImplemented),
        ("apprise", "nothing://x", InvalidParameterException),
        ("apprise", "syslog://", InvalidParameterException),
    ],
)
async def test_an_endpoint_that_cannot_be_told_is_refused(
    customer: Customer, protocol: str, endpoint: str, error: type[Exception]
) -> None:
    topic = await a_topic(customer)

    with pytest.raises(error):
        await customer.ask("Subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint)


# People


async def test_people_are_told_at_once(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer, DisplayName="Alerts")
    answer = await customer.ask(
        "Subscribe", TopicArn=topic, Protocol="apprise", Endpoint="test://secret@x"
    )

    await publish(desk, customer, topic, Message="Disk full")

    assert answer["SubscriptionArn"].startswith(topic)
    assert [("Alerts", "Disk full")] == desk.channel.told


async def test_a_channel_that_does_not_take_it_is_tried_again(
    desk: Desk, customer: Customer
) -> None:
    topic = await a_topic(customer)
    await customer.ask("Subscribe", TopicArn=topic, Protocol="apprise", Endpoint="test://x")
    desk.channel.taken = False
    await publish(desk, customer, topic, Message="m")
    desk.channel.taken = True

    await desk.clock.advance(timedelta(seconds=1))
    await desk.timers.run_due()

    assert 2 == len(desk.channel.told)
    assert [] == await desk.kept()


async def test_a_channel_at_a_denied_address_is_not_used(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    await customer.ask("Subscribe", TopicArn=topic, Protocol="apprise", Endpoint="test://x")
    desk.channel.host = "169.254.169.254"

    await publish(desk, customer, topic, Message="m")

    assert [] == desk.channel.told
    assert "does not speak to" in (await desk.kept(failed=True))[0].fault


async def test_an_endpoints_secret_lies_sealed(desk: Desk, customer: Customer) -> None:
    topic = await a_topic(customer)
    await customer.ask("Subscribe", TopicArn=topic, Protocol="apprise", Endpoint="test://s3cr3t@x")

    listed = await customer.ask("ListSubscriptions")
    with desk.house.storage.engine.connect() as connected:
        rows = connected.exec_driver_sql("SELECT * FROM notifications_subscriptions").all()

    assert "test://****@channel" == listed["Subscriptions"][0]["Endpoint"]
    assert "s3cr3t" not in repr(rows) + repr(listed)
