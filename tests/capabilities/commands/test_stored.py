"""What a command takes from Parameter Store: whose permission, which values, and where."""

import pytest

from ostler.capabilities.commands.store import commands as command_store
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import CommandId
from tests.capabilities.commands.world import FakeValue, a_document


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    """None of it has SQL of its own."""
    return str(request.param)


async def sent(world, command):
    """What the nodes are sent: the document's text, and the values."""
    return await world.storage.read(
        world.scope, lambda tx: command_store.payload(tx, CommandId(command))
    )


async def test_stored_values_stand_where_the_order_and_its_document_ask_for_them(world):
    """Nodes get the values; what is shown of the command is as it was ordered."""
    world.stored.kept |= {
        "/app/greeting:2": FakeValue("String", "hello $$ {{ t }}"),
        "hosts": FakeValue("StringList", "a,b"),
    }
    world.documents.documents["Greet"] = {
        "schemaVersion": "2.2",
        "parameters": {
            "word": {"type": "String"},
            "to": {"type": "String", "default": "{{ssm:hosts}}"},
        },
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "one",
                "inputs": {"runCommand": ["say {{ word }} {{ to }} {{ ssm:hosts }}"]},
            }
        ],
    }

    command = await world.send(
        DocumentName="Greet", Parameters={"word": ["{{ssm:/app/greeting:2}}"]}
    )

    given = await sent(world, command)
    assert {"word": "hello $$ {{ t }}"} == given.parameters
    assert "ssm:" not in given.content
    assert "say {{ word }} {{ to }} a,b" in given.content
    shown = await world.command(command)
    assert {"word": ["{{ssm:/app/greeting:2}}"]} == shown["Parameters"]


async def test_stored_values_are_read_as_the_caller(world):
    world.stored.kept["name"] = FakeValue("String", "value")
    may = {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"}
    order = world.order(Parameters={"commands": ["{{ssm:name}}"]})
    clerk = world.call(policy={"Version": "2012-10-17", "Statement": may})

    with pytest.raises(AccessDeniedException, match="ssm:GetParameters"):
        await world.operations.send_command(clerk, order)
    assert await world.operations.send_command(world.call(), order)


async def test_a_stored_value_keeps_the_documents_rules(world):
    world.documents.documents["Strict"] = {
        "schemaVersion": "2.2",
        "parameters": {"word": {"type": "String", "allowedPattern": "^[a-z]+$"}},
        "mainSteps": [
            {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": ["true"]}}
        ],
    }
    world.stored.kept["name"] = FakeValue("String", "value; reboot")

    with pytest.raises(Exception, match="allowed pattern"):
        await world.send(DocumentName="Strict", Parameters={"word": ["{{ssm:name}}"]})


async def test_secrets_are_left_to_the_node(world):
    world.documents.documents["Fetch"] = a_document(
        "one", action="aws:downloadContent", sourceInfo={"password": "{{ssm-secure:token}}"}
    )

    command = await world.send(DocumentName="Fetch", Parameters={})

    assert "{{ssm-secure:token}}" in (await sent(world, command)).content
