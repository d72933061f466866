"""Reading output: while it comes, from any byte on, and what is left when a node brought none."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ostler.capabilities.commands.errors import InvalidPluginName
from ostler.foundation.errors import AccessDeniedException
from ostler.wire.agent.jobs import PluginReply
from tests.capabilities.commands.test_outputs import STEP, finish, put


async def ask(world, command, **given):
    call = world.call("ssm:GetCommandOutput")
    node = world.nodes[0]
    given = {"CommandId": command, "InstanceId": node} | given
    return await world.operations.get_command_output(call, given)


@pytest.fixture
def engine() -> str:
    """What differs between the databases is tested with the store."""
    return "sqlite"


async def test_output_is_read_while_it_comes(world):
    command = await world.send()
    await put(world, command, 0, b"one ")
    first = await ask(world, command)
    await put(world, command, 4, b"two")
    second = await ask(world, command, Offset=first["NextOffset"])

    assert (b"one ", False) == (first["Content"], first["Finished"])
    assert (b"two", False) == (second["Content"], second["Finished"])


async def test_whoever_waits_is_told_at_once(world, clock):
    command = await world.send()
    waiting = asyncio.create_task(ask(world, command, WaitSeconds=10))
    await clock.advance(timedelta(seconds=1))
    await put(world, command, 0, b"at last")
    while not waiting.done():
        await clock.advance(timedelta(milliseconds=250))

    assert b"at last" == (await waiting)["Content"]


async def test_the_end_is_told_when_all_has_been_read(world):
    command = await world.send()
    await put(world, command, 0, b"0123456789")
    await finish(world, command)
    await world.finish(command, world.nodes[0])

    part = await ask(world, command, MaxBytes=4)
    rest = await ask(world, command, Offset=4)

    assert (b"0123", 4, False) == (part["Content"], part["NextOffset"], part["Finished"])
    assert (b"456789", 10, True) == (rest["Content"], rest["NextOffset"], rest["Finished"])


async def test_of_a_node_that_brings_none_the_replys_text_is_given(world):
    command = await world.send()
    said = PluginReply(status="Success", code=0, standard_output="hello\n")
    await world.reply(command, world.nodes[0], **{STEP.replace(":", "__"): said})

    told = await ask(world, command)

    assert (b"hello\n", True, False) == (told["Content"], told["Finished"], told["Whole"])


async def hasty(world):
    """A command whose node has said how it ended, and brings its output a little later."""
    node = world.nodes[0]
    world.fleet.nodes[node] = replace(world.fleet.nodes[node], agent_name="ostler-agent")
    command = await world.send(InstanceIds=[node])
    said = PluginReply(status="Success", code=0, standard_output="hello\n")
    await world.reply(command, node, **{STEP.replace(":", "__"): said})
    return command


async def test_a_reply_that_overtakes_the_output_is_not_taken_for_it(world):
    command = await hasty(world)
    before = await ask(world, command)
    await put(world, command, 0, b"hel\xfflo\n")
    await finish(world, command)
    after = await ask(world, command, Offset=before["NextOffset"])

    assert (b"", False, True) == (before["Content"], before["Finished"], before["Whole"])
    assert (b"hel\xfflo\n", True, True) == (after["Content"], after["Finished"], after["Whole"])


async def test_nobody_waits_for_ever_for_output_that_was_lost(world, clock):
    command = await hasty(world)
    await clock.advance(timedelta(seconds=61))

    told = await ask(world, command)

    assert (b"hello\n", True, False) == (told["Content"], told["Finished"], told["Whole"])


async def test_a_stream_on_which_nothing_was_written_has_ended_with_the_step(world):
    told = await ask(world, await hasty(world), Stream="stderr")

    assert (b"", True, True) == (told["Content"], told["Finished"], told["Whole"])


async def test_of_several_steps_one_must_be_named(world):
    command = await world.send(DocumentName="Two")

    with pytest.raises(InvalidPluginName):
        await ask(world, command)

    assert not (await ask(world, command, PluginName="first"))["Finished"]


async def test_whoever_may_not_see_the_invocation_may_not_see_its_output(world):
    command = await world.send()
    await put(world, command, 0, b"secret")
    policy = {"Statement": {"Effect": "Allow", "Action": "ssm:GetCommandOutput", "Resource": "*"}}
    call = world.call("ssm:GetCommandOutput", {"Version": "2012-10-17", **policy})

    with pytest.raises(AccessDeniedException):
        await world.operations.get_command_output(
            call, {"CommandId": command, "InstanceId": world.nodes[0], "PluginName": STEP}
        )
