"""Resolving: what Run Command is given to run."""

import hashlib
import json

import pytest

from ostler.capabilities.documents.errors import InvalidDocument, InvalidDocumentVersion
from ostler.capabilities.documents.events import DocumentChanged, DocumentDeleted
from ostler.foundation import events
from ostler.foundation.errors import AccessDeniedException
from tests.capabilities.documents.conftest import Office, script
from tests.support.calls import NOBODY


@pytest.fixture
def engine() -> str:
    """What differs between the databases is tested with the store."""
    return "sqlite"


CONTENT = json.dumps(script("date"))
SHA256 = hashlib.sha256(CONTENT.encode()).hexdigest()
SHA1 = hashlib.sha1(CONTENT.encode()).hexdigest()


async def test_a_document_is_resolved_with_its_content_understood(office: Office, customer, scope):
    await customer.ask("CreateDocument", Name="Hello", Content=CONTENT)
    found = await office.documents.resolve(office.call(scope), "Hello")

    assert ("Hello", "1", "Command", SHA256) == (
        found.name,
        found.version,
        found.type,
        found.hash,
    )
    assert f"arn:aws:ssm:{scope.region}:{scope.account}:document/Hello" == found.arn
    assert ["run"] == [step.name for step in found.document.steps]


@pytest.mark.parametrize(
    ("digest", "kind"), [(SHA256, None), (SHA256.upper(), "Sha256"), (SHA1, "Sha1")]
)
async def test_a_hash_that_fits(office: Office, customer, scope, digest, kind):
    await customer.ask("CreateDocument", Name="Hello", Content=CONTENT)

    assert await office.documents.resolve(
        office.call(scope), "Hello", "$LATEST", hash=digest, hash_type=kind
    )


async def test_a_hash_that_does_not_fit(office: Office, customer, scope):
    await customer.ask("CreateDocument", Name="Hello", Content=CONTENT)

    with pytest.raises(InvalidDocument, match="given hash"):
        await office.documents.resolve(office.call(scope), "Hello", hash="0" * 64)


async def test_what_cannot_be_resolved(office: Office, customer, scope):
    await customer.ask("CreateDocument", Name="Hello", Content=CONTENT)
    call = office.call(scope)

    with pytest.raises(InvalidDocument, match="Nope does not exist"):
        await office.documents.resolve(call, "Nope")
    with pytest.raises(InvalidDocument, match="does not exist"):
        await office.documents.resolve(call, "arn:aws:ssm:nowhere")
    with pytest.raises(InvalidDocumentVersion):
        await office.documents.resolve(call, "Hello", "2")
    with pytest.raises(AccessDeniedException, match="ssm:SendCommand"):
        await office.documents.resolve(office.call(scope, policies=NOBODY), "Hello")


async def test_others_hear_of_changes(office: Office, customer, scope):
    await customer.ask("CreateDocument", Name="Hello", Content=CONTENT)
    await customer.ask("UpdateDocument", Name="Hello", Content=json.dumps(script("b")))
    await customer.ask("UpdateDocumentDefaultVersion", Name="Hello", DocumentVersion="2")
    await customer.ask("DeleteDocument", Name="Hello", DocumentVersion="1")
    await customer.ask("DeleteDocument", Name="Hello")
    told = await office.house.storage.read(scope, lambda tx: events.since(tx, 0))

    changed = f"documents.{DocumentChanged.__name__}"
    assert [
        (changed, "1", "1"),
        (changed, "1", "2"),
        (changed, "2", "2"),
        (changed, "2", "2"),
        (f"documents.{DocumentDeleted.__name__}", None, None),
    ] == [
        (each.kind, each.body.get("default_version"), each.body.get("latest_version"))
        for each in told
        if each.kind.startswith("documents.")
    ]
