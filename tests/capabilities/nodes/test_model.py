"""Activations, nodes, keys, filters and summaries: what they decide without any storage."""

import base64
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ostler.capabilities.nodes.errors import (
    InvalidAggregatorException,
    InvalidFilter,
    InvalidFilterKey,
    InvalidInstanceInformationFilterValue,
    InvalidInstanceInformationValue,
    InvalidInstancePropertyFilterValue,
    InvalidPublicKey,
)
from ostler.capabilities.nodes.model.activations import ActivationOrder, Refusal, new_code
from ostler.capabilities.nodes.model.filters import (
    AnyKey,
    Condition,
    Field,
    Relation,
    Tagged,
    information_clauses,
    listing_clauses,
    named_nodes,
    property_clauses,
)
from ostler.capabilities.nodes.model.keys import Lock, PublicKey
from ostler.capabilities.nodes.model.nodes import (
    SILENCE,
    Facts,
    Node,
    PingStatus,
    PlatformType,
    credible,
    new_node_id,
    version_order,
)
from ostler.capabilities.nodes.model.summaries import Aggregator, groupings
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import AccountId, ActivationId, NodeId, Region, SystemIds

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AN_ID = ActivationId("751a488c-e9c7-4539-8171-15d48f4fd90a")
A_NODE = Node(
    NodeId("mi-00000000000000001"),
    AccountId("123456789012"),
    Region("local-1"),
    "Fleet",
    registered=NOON,
)


def test_an_activation_lives_a_day_unless_told_otherwise() -> None:
    assert NOON + timedelta(hours=24) == ActivationOrder("Fleet").fulfilled(AN_ID, NOON).expires


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=-1), timedelta(days=30, seconds=1)])
def test_an_activation_expires_within_thirty_days(ahead: timedelta) -> None:
    with pytest.raises(ValidationException):
        ActivationOrder("Fleet", expires=NOON + ahead).fulfilled(AN_ID, NOON)


def test_a_role_with_a_path_is_quoted_against_the_pattern() -> None:
    with pytest.raises(ValidationException) as refused:
        ActivationOrder("service-role/Fleet").fulfilled(AN_ID, NOON)

    assert (
        "1 validation error detected: Value 'service-role/Fleet' at 'iamRole' failed to satisfy "
        r"constraint: Member must satisfy regular expression pattern: ^[\p{L}\p{N}+=,.@\-_]*$"
    ) == refused.value.message


def test_an_activation_says_why_it_makes_no_node() -> None:
    activation = ActivationOrder("Fleet", limit=2).fulfilled(AN_ID, NOON)

    assert activation.refusal(NOON) is None
    assert Refusal.EXHAUSTED == replace(activation, registrations=2).refusal(NOON)
    assert Refusal.EXPIRED == activation.refusal(activation.expires)


def test_a_code_has_twenty_characters_of_base64() -> None:
    code = new_code(SystemIds())

    assert 20 == len(code)
    assert set(code) <= set(string.ascii_letters + string.digits + "+/")
    assert code != new_code(SystemIds())


def test_a_node_id_is_mi_and_seventeen_digits() -> None:
    node = new_node_id(SystemIds())

    assert 20 == len(node)
    assert node.startswith("mi-")
    assert set(node[3:]) <= set("0123456789abcdef")


def test_a_node_is_online_until_it_was_silent_too_long() -> None:
    heard = replace(A_NODE, heard=NOON)

    assert PingStatus.CONNECTION_LOST == A_NODE.ping_status(NOON)
    assert PingStatus.ONLINE == heard.ping_status(NOON + SILENCE - timedelta(seconds=1))
    assert PingStatus.CONNECTION_LOST == heard.ping_status(NOON + SILENCE)


def test_facts_left_unsaid_stay_as_they_were() -> None:
    known = Facts(agent_version="3.3.0.0", platform_name="Debian", platform_type="Linux")

    told = known.told({"agent_version": "3.3.1.0"})

    assert Facts(agent_version="3.3.1.0", platform_name="Debian", platform_type="Linux") == told
    assert PlatformType.LINUX is replace(A_NODE, facts=told).platform_type


@pytest.mark.parametrize(
    "heard",
    [
        {"agent_version": "three"},
        {"agent_version": "3.3"},
        {"platform_type": "BeOS"},
        {"computer_name": "c" * 256},
        {"ip_address": "1" * 47},
    ],
)
def test_incredible_facts_are_refused(heard: dict[str, str]) -> None:
    with pytest.raises(InvalidInstanceInformationValue):
        credible(heard)


def test_versions_sort_by_their_numbers() -> None:
    versions = ["10.1", "3.3.859.0", "3.3.1142.0", "22.04", "9"]

    assert ["3.3.859.0", "3.3.1142.0", "9", "10.1", "22.04"] == sorted(versions, key=version_order)


def test_a_key_is_read_from_base64_of_der() -> None:
    key = _public(rsa.generate_private_key(65537, 2048))

    assert key == PublicKey.read(base64.b64encode(key).decode()).der


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        base64.b64encode(b"not a key").decode(),
        pytest.param("weak", id="weak"),
        pytest.param("curve", id="curve"),
    ],
)
def test_a_key_that_is_none_or_weak_is_refused(text: str) -> None:
    if text == "weak":
        text = base64.b64encode(_public(rsa.generate_private_key(65537, 1024))).decode()
    if text == "curve":
        text = base64.b64encode(_public(ec.generate_private_key(ec.SECP256R1()))).decode()

    with pytest.raises(InvalidPublicKey):
        PublicKey.read(text)


def test_only_rsa_keys_are_known() -> None:
    with pytest.raises(InvalidPublicKey):
        PublicKey.read("", "Ed25519")


def test_a_key_is_due_for_change_after_its_life() -> None:
    lock = Lock(PublicKey(b"key"), since=NOON, fingerprint="f")

    assert not lock.due(NOON + timedelta(days=29), timedelta(days=30))
    assert lock.due(NOON + timedelta(days=30), timedelta(days=30))


def test_both_members_of_information_filters_read_alike() -> None:
    expected = [Condition(Field.PING_STATUS, ("Online",)), Condition(Field.ROLE, ("Fleet",))]
    spoken = [("PingStatus", ["Online"]), ("IamRole", ["Fleet"])]

    assert expected == information_clauses(spoken, [])
    assert expected == information_clauses([], spoken)


def test_the_two_members_of_information_filters_exclude_each_other() -> None:
    with pytest.raises(ValidationException):
        information_clauses([("IamRole", ["a"])], [("IamRole", ["a"])])


def test_tags_are_filters_of_their_own() -> None:
    assert [Tagged("Role", ("web", "db")), AnyKey(("Owner",))] == information_clauses(
        [], [("tag:Role", ["web", "db"]), ("tag-key", ["Owner"])]
    )
    with pytest.raises(ValidationException, match="Cannot mix tag or inventory filter"):
        information_clauses([], [("tag:Role", ["web"]), ("PingStatus", ["Online"])])


@pytest.mark.parametrize("key", ["PlatformType", "tag:", "AWS:InstanceInformation.PlatformType"])
def test_unknown_information_keys_are_refused(key: str) -> None:
    with pytest.raises(InvalidFilterKey):
        information_clauses([], [(key, ["x"])])


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        (
            "ResourceType",
            ["Document"],
            "ResourceType filter is invalid, valid values are EC2Instance, ManagedInstance",
        ),
        (
            "ResourceType",
            ["EC2Instance", "ManagedInstance"],
            "ResourceType filter may contain only one value.",
        ),
        (
            "PlatformTypes",
            ["BeOS"],
            "PlatformTypes filter is invalid, valid values are Windows, Linux, MacOS",
        ),
    ],
)
def test_impossible_information_values_are_refused(
    key: str, values: list[str], message: str
) -> None:
    with pytest.raises(InvalidInstanceInformationFilterValue) as refused:
        information_clauses([], [(key, values)])

    assert message == refused.value.message


def test_property_filters_have_operators() -> None:
    clauses = property_clauses(
        [("IamRole", ["Fleet"])],
        [("AgentVersion", ["3.3.0.0"], "LessThan"), ("PlatformTypes", ["Linux"], "")],
    )

    assert [
        Condition(Field.ROLE, ("Fleet",)),
        Condition(Field.AGENT_VERSION, ("3.3.0.0",), Relation.LESS),
        Condition(Field.PLATFORM_TYPE, ("Linux",)),
    ] == clauses


@pytest.mark.parametrize(
    "spoken",
    [
        ("IamRole", ["a"], "GreaterThan"),
        ("tag:Role", ["web"], "NotEqual"),
        ("PingStatus", ["Away"], "Equal"),
    ],
)
def test_impossible_property_values_are_refused(spoken: Any) -> None:
    with pytest.raises(InvalidInstancePropertyFilterValue):
        property_clauses([], [spoken])


def test_all_statuses_of_management_are_no_filter() -> None:
    assert [Condition(Field.REGION, ("local-1",), Relation.NOT_EQUAL)] == listing_clauses(
        [("ManagedStatus", ["All"], "Equal"), ("Region", ["local-1"], "NotEqual")]
    )
    with pytest.raises(InvalidFilter):
        listing_clauses([("ManagedStatus", ["Half"], "Equal")])


def test_ids_named_by_filters_are_found() -> None:
    clauses = property_clauses(
        [("InstanceIds", ["mi-1", "mi-2"])], [("InstanceIds", ["mi-3"], "NotEqual")]
    )

    assert ["mi-1", "mi-2"] == named_nodes(clauses)


def test_summaries_count_by_each_innermost_aggregator() -> None:
    aggregators = [
        Aggregator(
            Field.PLATFORM_TYPE,
            (Aggregator(Field.PLATFORM_NAME), Aggregator(Field.AGENT_VERSION)),
        ),
        Aggregator(Field.REGION),
    ]

    assert [
        (Field.PLATFORM_TYPE, Field.PLATFORM_NAME),
        (Field.PLATFORM_TYPE, Field.AGENT_VERSION),
        (Field.REGION,),
    ] == groupings(aggregators)


def test_aggregators_neither_repeat_nor_nest_deeper_than_two() -> None:
    deep = Aggregator(
        Field.PLATFORM_TYPE, (Aggregator(Field.PLATFORM_NAME, (Aggregator(Field.REGION),)),)
    )
    for wrong in (deep, Aggregator(Field.REGION, (Aggregator(Field.REGION),))):
        with pytest.raises(InvalidAggregatorException):
            groupings([wrong])


def _public(key: Any) -> bytes:
    der: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der
