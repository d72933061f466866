"""Events go out to a real receiver, which may be away, from a server that may be killed."""

import base64
import json
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.databases import ENGINES, fresh_database
from tests.support.processes import ServerProcess, eventually
from tests.support.receiver import ReceiverProcess


@pytest.fixture(scope="module", params=ENGINES)
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A server that may speak to loopback, where the tests' receivers are."""
    data = Path(tmp_path_factory.mktemp("server")) / "data"
    settings = {"OSTLER_OUTBOUND_ALLOWED": "127.0.0.0/8"}
    with fresh_database(request.param, ()) as url:
        running = ServerProcess(data, database=url, settings=settings).start()
        yield running
        running.stop()


@pytest.fixture(scope="module")
def role(house: ServerProcess) -> str:
    """The ARN of a role that events may take, and that may do everything."""
    made: dict[str, str] = house.admin(
        "role", "create", "Events", "--service", "events.amazonaws.com"
    )
    house.admin("role", "attach", "Events", "AdministratorAccess")
    return made["Arn"]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverProcess]:
    made = ReceiverProcess(tmp_path).start()
    yield made
    made.stop()


def a_webhook(house: ServerProcess, receiver: ReceiverProcess, role: str, name: str) -> Any:
    """A rule of this name for parameters below /name, and the signed webhook that it calls."""
    events = house.client("events")
    connection = events.create_connection(
        Name=name,
        AuthorizationType="API_KEY",
        AuthParameters={
            "ApiKeyAuthParameters": {"ApiKeyName": "webhook-signature", "ApiKeyValue": "secret"}
        },
    )
    destination = events.create_api_destination(
        Name=name,
        ConnectionArn=connection["ConnectionArn"],
        InvocationEndpoint=receiver.url,
        HttpMethod="POST",
    )
    pattern = {"source": ["aws.ssm"], "detail": {"name": [{"prefix": f"/{name}/"}]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    answer = events.put_targets(
        Rule=name,
        Targets=[{"Id": "hook", "Arn": destination["ApiDestinationArn"], "RoleArn": role}],
    )
    assert 0 == answer["FailedEntryCount"]
    return events


def test_a_change_of_a_parameter_reaches_a_webhook(
    house: ServerProcess, role: str, receiver: ReceiverProcess
) -> None:
    a_webhook(house, receiver, role, "plain")

    house.client().put_parameter(Name="/plain/x", Value="secret-value", Type="String")

    [came] = eventually("the event", receiver.came)
    told = json.loads(came["body"])
    assert ("Parameter Store Change", "Create") == (
        told["detail-type"],
        told["detail"]["operation"],
    )
    assert "secret-value" not in came["body"]
    assert came["headers"]["webhook-signature"].startswith("v1,")


def test_a_receiver_that_was_away_gets_it_when_it_is_back(
    house: ServerProcess, role: str, receiver: ReceiverProcess
) -> None:
    events = a_webhook(house, receiver, role, "away")
    receiver.stop()
    house.client().put_parameter(Name="/away/x", Value="v", Type="String")
    eventually("a vain attempt", lambda: waiting(house, "away", attempts=1))

    receiver.start()

    [came] = eventually("the event", receiver.came)
    assert "/away/x" == json.loads(came["body"])["detail"]["name"]
    assert events.list_rules(NamePrefix="away")["Rules"]
    eventually("an empty queue", lambda: not waiting(house, "away"))


def test_a_killed_server_loses_no_delivery(
    house: ServerProcess, role: str, receiver: ReceiverProcess
) -> None:
    """Killed right after it answered, and once more while the receiver is away."""
    a_webhook(house, receiver, role, "killed")
    receiver.stop()
    ssm = house.client()
    for number in range(10):
        ssm.put_parameter(Name=f"/killed/{number}", Value="v", Type="String")
    house.kill()
    house.start()
    eventually("a vain attempt", lambda: waiting(house, "killed", attempts=1))
    house.kill()
    house.start()

    receiver.start()

    def names() -> set[str]:
        return {json.loads(came["body"])["detail"]["name"] for came in receiver.came()}

    expected = {f"/killed/{number}" for number in range(10)}
    eventually("every event", lambda: names() == expected)


def test_what_a_customer_puts_on_a_bus_reaches_its_targets(
    house: ServerProcess, role: str, receiver: ReceiverProcess
) -> None:
    events = a_webhook(house, receiver, role, "bus")
    [target] = events.list_targets_by_rule(Rule="bus")["Targets"]
    events.create_event_bus(Name="app")
    events.put_rule(Name="r", EventBusName="app", EventPattern='{"source": ["shop"]}')
    template = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"order": <n>}'}
    events.put_targets(
        Rule="r", EventBusName="app", Targets=[target | {"InputTransformer": template}]
    )

    entry = {"Source": "shop", "DetailType": "Order", "Detail": '{"n": 7}', "EventBusName": "app"}
    forged = entry | {"Source": "aws.ssm"}
    answer = events.put_events(Entries=[entry, forged])

    assert "NotAuthorizedForSourceException" == answer["Entries"][1]["ErrorCode"]
    [came] = eventually("the event", receiver.came)
    assert {"order": 7} == json.loads(came["body"])


def waiting(house: ServerProcess, rule: str, attempts: int = 0) -> list[Any]:
    """What waits on behalf of a rule, and was tried that often."""
    done = house.ostler("-o", "json", "events", "deliveries", "--rule", rule)
    assert done.returncode == 0, done.stderr
    return [each for each in json.loads(done.stdout) if each["Attempts"] >= attempts]


def test_a_subscriber_confirms_and_is_told_what_rules_publish(
    house: ServerProcess, receiver: ReceiverProcess
) -> None:
    sns, events = house.client("sns"), house.client("events")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    policy = json.dumps({"detail": {"operation": ["Delete"]}})
    sns.subscribe(
        TopicArn=topic,
        Protocol="http",
        Endpoint=receiver.url,
        Attributes={"FilterPolicy": policy, "FilterPolicyScope": "MessageBody"},
    )
    [asked] = eventually("the question", receiver.came)
    question = json.loads(asked["body"])
    signed_by_house(house, question)
    assert b"ConfirmSubscriptionResult" in visited(house, question["SubscribeURL"])

    pattern = json.dumps({"detail": {"name": [{"prefix": "/topic/"}]}})
    events.put_rule(Name="topic", EventPattern=pattern)
    events.put_targets(Rule="topic", Targets=[{"Id": "t", "Arn": topic}])
    ssm = house.client()
    ssm.put_parameter(Name="/topic/x", Value="v", Type="String")
    ssm.delete_parameter(Name="/topic/x")

    told = json.loads(eventually("a message", lambda: receiver.came()[1:])[0]["body"])
    signed_by_house(house, told)
    assert "Delete" == json.loads(told["Message"])["detail"]["operation"]
    sns.publish(TopicArn=topic, Message='{"detail": {"operation": "Delete"}}', Subject="by hand")
    last = json.loads(eventually("another message", lambda: receiver.came()[2:])[0]["body"])
    assert "by hand" == last["Subject"]


def visited(house: ServerProcess, url: str) -> bytes:
    """What lies at a URL of the server."""
    trusted = ssl.create_default_context(cafile=house.environment["AWS_CA_BUNDLE"])
    with urllib.request.urlopen(url, context=trusted) as answer:
        return bytes(answer.read())


def signed_by_house(house: ServerProcess, told: dict[str, str]) -> None:
    """Check the signature of a message as its receivers do."""
    certificate = x509.load_pem_x509_certificate(visited(house, told["SigningCertURL"]))
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn")
    text = "".join(f"{name}\n{told[name]}\n" for name in (*names, "Type") if name in told)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signature = base64.b64decode(told["Signature"])
    key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_people_are_told_by_apprise(house: ServerProcess, receiver: ReceiverProcess) -> None:
    """Apprise itself, with the one of its channels that is plain HTTP."""
    sns = house.client("sns")
    topic = sns.create_topic(Name="people", Attributes={"DisplayName": "Alerts"})["TopicArn"]
    endpoint = f"json://user:pass-word@127.0.0.1:{receiver.port}/"
    sns.subscribe(TopicArn=topic, Protocol="apprise", Endpoint=endpoint)

    sns.publish(TopicArn=topic, Message="Disk full")

    told = json.loads(eventually("the message", receiver.came)[0]["body"])
    assert ("Alerts", "Disk full") == (told["title"], told["message"])
    [kept] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert "pass-word" not in kept["Endpoint"]
    audited = house.admin("audit", "--action", "Subscribe")
    assert "pass-word" not in json.dumps(audited)
    assert "pass-word" not in house.log.read_text()


def test_a_rule_runs_a_command(house: ServerProcess, role: str) -> None:
    events, ssm = house.client("events"), house.client()
    pattern = {"detail": {"name": [{"prefix": "/run/"}], "operation": ["Create"]}}
    events.put_rule(Name="run", EventPattern=json.dumps(pattern))
    document = f"arn:aws:ssm:{ssm.meta.region_name}::document/AWS-RunShellScript"
    transformer = {
        "InputPathsMap": {"name": "$.detail.name"},
        "InputTemplate": '{"commands": ["echo <name>"]}',
    }
    target = {
        "Id": "run",
        "Arn": document,
        "RoleArn": role,
        "RunCommandParameters": {"RunCommandTargets": [{"Key": "tag:role", "Values": ["web"]}]},
        "InputTransformer": transformer,
    }
    assert 0 == events.put_targets(Rule="run", Targets=[target])["FailedEntryCount"]

    ssm.put_parameter(Name="/run/x", Value="v", Type="String")

    [command] = eventually("the command", lambda: ssm.list_commands()["Commands"])
    assert {"commands": ["echo /run/x"]} == command["Parameters"]
    assert [{"Key": "tag:role", "Values": ["web"]}] == command["Targets"]
