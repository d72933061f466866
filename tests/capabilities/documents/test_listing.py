"""Lists: filters of both spellings, tags, and pages without a gap."""

import json

import pytest

from ostler.capabilities.documents.errors import InvalidFilterKey
from ostler.foundation.errors import ValidationException
from tests.capabilities.documents.conftest import script
from tests.support.calls import Customer


@pytest.fixture
def engine() -> str:
    """What differs between the databases is tested with the store."""
    return "sqlite"


async def make(customer: Customer, name: str, **given: object) -> None:
    content = {"Content": json.dumps(script("date"))} | given
    await customer.ask("CreateDocument", Name=name, **content)


async def names(customer: Customer, *filters: tuple[str, list[str]]) -> list[str]:
    given = {"Filters": [{"Key": key, "Values": values} for key, values in filters]}
    pages = await customer.every("ListDocuments", "DocumentIdentifiers", MaxResults=2, **given)
    return [each["Name"] for page in pages for each in page]


SELF = ("Owner", ["Self"])
SESSION = json.dumps({"schemaVersion": "1.0", "sessionType": "Standard_Stream"})
WINDOWS = json.dumps(
    {
        "schemaVersion": "2.2",
        "mainSteps": [
            {"action": "aws:psModule", "name": "a", "inputs": {"source": "https://x.test/a.zip"}}
        ],
    }
)


async def test_filters(customer):
    await make(customer, "Deploy-web", TargetType="/AWS::EC2::Instance")
    await make(customer, "Deploy-db", Tags=[{"Key": "Env", "Value": "prod"}])
    await make(customer, "deploy-old", Tags=[{"Key": "Env", "Value": "test"}])
    await make(customer, "Windows", Content=WINDOWS)
    await make(customer, "Preferences", Content=SESSION, DocumentType="Session")

    assert ["Deploy-db", "Deploy-web"] == await names(customer, SELF, ("Name", ["Deploy"]))
    assert ["Deploy-web", "Windows"] == await names(customer, SELF, ("Name", ["W", "Deploy-w"]))
    assert ["Preferences", "Windows"] == await names(customer, SELF, ("PlatformTypes", ["Windows"]))
    assert ["Preferences"] == await names(customer, ("DocumentType", ["Session"]))
    assert ["Deploy-web"] == await names(customer, ("TargetType", ["/AWS::EC2::Instance"]))
    assert ["Deploy-db"] == await names(customer, ("tag:Env", ["prod"]))
    assert ["Deploy-db", "deploy-old"] == await names(customer, ("tag:Env", ["prod", "test"]))
    assert ["Deploy-db"] == await names(customer, ("tag:Env", []), ("Name", ["Deploy"]))
    assert ["Deploy-db", "Deploy-web", "deploy-old"] == await names(
        customer, SELF, ("SearchKeyword", ["DEPLOY"])
    )


async def test_the_older_spelling_of_filters(customer):
    await make(customer, "Deploy-web")
    answer = await customer.ask(
        "ListDocuments",
        DocumentFilterList=[{"key": "Owner", "value": "Self"}, {"key": "Name", "value": "Dep"}],
    )

    assert ["Deploy-web"] == [each["Name"] for each in answer["DocumentIdentifiers"]]


async def test_what_a_list_tells(customer, clock, scope):
    await make(
        customer,
        "Deploy",
        VersionName="one",
        DisplayName="Deploys",
        Tags=[{"Key": "Env", "Value": "prod"}],
    )
    await customer.ask("UpdateDocument", Name="Deploy", Content=json.dumps(script("uptime")))
    [found] = (await customer.ask("ListDocuments", Filters=[{"Key": "Owner", "Values": ["Self"]}]))[
        "DocumentIdentifiers"
    ]
    found.pop("Status")  # not a member of the shape: never sent

    assert {
        "Name": "Deploy",
        "CreatedDate": clock.now(),
        "DisplayName": "Deploys",
        "VersionName": "one",
        "Owner": scope.account,
        "Author": "tester",
        "DocumentVersion": "1",
        "DocumentType": "Command",
        "DocumentFormat": "JSON",
        "SchemaVersion": "2.2",
        "PlatformTypes": ["Linux", "MacOS"],
        "Tags": [{"Key": "Env", "Value": "prod"}],
    } == found


async def test_unknown_keys_and_two_owners_are_refused(customer):
    with pytest.raises(InvalidFilterKey):
        await names(customer, ("Colour", ["red"]))
    with pytest.raises(ValidationException, match="one Owner"):
        await names(customer, ("Owner", ["Self", "Amazon"]))


async def test_another_region_has_its_own_documents_and_the_same_of_the_house(customer, elsewhere):
    await make(customer, "Deploy")

    assert [] == await names(elsewhere, SELF)
    assert await names(customer, ("Owner", ["Amazon"])) == await names(
        elsewhere, ("Owner", ["Amazon"])
    )
