"""Tags by boto3: on nodes and on documents."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

DOCUMENT = "journey-tagged"


@pytest.fixture(scope="module", params=["ManagedInstance", "Document"])
def thing(request: pytest.FixtureRequest, ssm: Any, silent: list[str]) -> Iterator[dict[str, str]]:
    """A resource of each kind that carries tags, as the tag operations name it."""
    if request.param == "ManagedInstance":
        yield {"ResourceType": "ManagedInstance", "ResourceId": silent[1]}
        return
    step = {"action": "aws:runShellScript", "name": "x", "inputs": {"runCommand": ["true"]}}
    ssm.create_document(
        Name=DOCUMENT,
        Content=json.dumps({"schemaVersion": "2.2", "mainSteps": [step]}),
        DocumentType="Command",
        Tags=[{"Key": "born", "Value": "with it"}],
    )
    yield {"ResourceType": "Document", "ResourceId": DOCUMENT}
    ssm.delete_document(Name=DOCUMENT)


def tags(ssm: Any, thing: dict[str, str]) -> dict[str, str]:
    told = ssm.list_tags_for_resource(**thing)["TagList"]
    return {tag["Key"]: tag["Value"] for tag in told}


def test_tags_are_added_changed_and_removed(ssm: Any, thing: dict[str, str]) -> None:
    before = tags(ssm, thing)

    ssm.add_tags_to_resource(
        **thing, Tags=[{"Key": "cost-centre", "Value": "42"}, {"Key": "Empty", "Value": ""}]
    )
    assert before | {"cost-centre": "42", "Empty": ""} == tags(ssm, thing)

    ssm.add_tags_to_resource(**thing, Tags=[{"Key": "cost-centre", "Value": "Zürich/7"}])
    assert "Zürich/7" == tags(ssm, thing)["cost-centre"]

    ssm.remove_tags_from_resource(**thing, TagKeys=["cost-centre", "Empty", "never-there"])
    assert before == tags(ssm, thing)


def test_a_resource_carries_fifty_tags(ssm: Any, thing: dict[str, str]) -> None:
    before = tags(ssm, thing)
    many = [{"Key": f"key-{number}", "Value": ""} for number in range(51)]

    with pytest.raises(ssm.exceptions.TooManyTagsError):
        ssm.add_tags_to_resource(**thing, Tags=many)

    assert before == tags(ssm, thing)


def test_reserved_and_doubled_keys_are_refused(ssm: Any, thing: dict[str, str]) -> None:
    before = tags(ssm, thing)

    for keys in (["aws:mine"], ["twice", "twice"]):
        with pytest.raises(ClientError, match="ValidationException"):
            ssm.add_tags_to_resource(**thing, Tags=[{"Key": key, "Value": ""} for key in keys])

    assert before == tags(ssm, thing)


@pytest.mark.parametrize(
    ("kind", "resource", "code"),
    [
        ("ManagedInstance", "mi-00000000000000000", "InvalidResourceId"),
        ("Document", "no-such-document", "InvalidResourceId"),
        ("MaintenanceWindow", "mw-00000000000000000", "InvalidResourceType"),
    ],
)
def test_what_does_not_exist_carries_no_tags(ssm: Any, kind: str, resource: str, code: str) -> None:
    thing = {"ResourceType": kind, "ResourceId": resource}

    for call in (
        lambda: ssm.add_tags_to_resource(**thing, Tags=[{"Key": "a", "Value": "b"}]),
        lambda: ssm.remove_tags_from_resource(**thing, TagKeys=["a"]),
        lambda: ssm.list_tags_for_resource(**thing),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert code == refused.value.response["Error"]["Code"]


def test_a_kind_that_is_none_is_told_with_those_that_are(unchecked: Any) -> None:
    with pytest.raises(ClientError, match=r"enum value set: \[.*ManagedInstance"):
        unchecked.list_tags_for_resource(ResourceType="Spaceship", ResourceId="x")
