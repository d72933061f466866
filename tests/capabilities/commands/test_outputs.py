"""Whole output: pieces, cuts, resumption, and where it lies."""

from functools import partial

import pytest

from ostler.capabilities.commands.service import outputs as module
from ostler.capabilities.commands.store import streams
from ostler.capabilities.commands.store.streams import Stream

STEP = "aws:runShellScript"
NOTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}


@pytest.fixture
def engine():
    return "sqlite"


async def put(world, command, offset, data, *, node=None, step=STEP, stream="stdout"):
    where = (world.scope, node or world.nodes[0], command, step, stream)
    return (await world.outputs.append(*where, offset, data)).length


async def finish(world, command, *, step=STEP, stream="stdout"):
    await world.outputs.finish(world.scope, world.nodes[0], command, step, stream)


async def read(world, command, **part):
    call = world.call("ssm:GetCommandInvocation")
    return await world.outputs.whole_output(call, command, world.nodes[0], STEP, "stdout", **part)


async def deliver(world, command, *, policy=None, stream="stdout"):
    """As the relay does for the node, with what its role may do."""
    call = world.call("ssmmessages:OpenControlChannel", policy)
    await world.outputs.deliver(call, world.nodes[0], command, STEP, stream)


async def a_bucket(world, name="results"):
    call = world.call("s3:CreateBucket")
    [operations, *_] = world.stores.operations
    await operations.create_bucket(call, {"Bucket": name})


async def objects(world, bucket="results"):
    """What lies in the bucket, by key."""
    listing = world.stores.operations[3]
    found = await listing.list_objects_v2(world.call("s3:ListBucket"), {"Bucket": bucket})
    return {
        each["Key"]: b"".join(
            [
                part
                async for part in world.stores.service.read(
                    world.scope, bucket, each["Key"], 0, each["Size"]
                )
            ]
        )
        for each in found["Contents"]
    }


async def logged(world, group):
    """What is in the log group: the streams and their lines."""
    events = world.journals.operations[1]
    found = await events.filter_log_events(
        world.call("logs:FilterLogEvents"), {"logGroupName": group}
    )
    return [(each["logStreamName"], each["message"]) for each in found["events"]]


async def test_pieces_become_an_object_under_the_keys_of_aws(world):
    await a_bucket(world)
    command = await world.send(OutputS3BucketName="results", OutputS3KeyPrefix="runs/today")
    await put(world, command, 0, b"hello ")
    await put(world, command, 6, b"world")
    await finish(world, command)
    await deliver(world, command)

    key = f"runs/today/{command}/{world.nodes[0]}/awsrunShellScript/0.awsrunShellScript/stdout"
    assert {key: b"hello world"} == await objects(world)
    assert b"hello world" == await read(world, command)


async def test_what_is_too_long_for_memory_becomes_an_object_too(world, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_ASSEMBLED", 4)
    await a_bucket(world)
    command = await world.send(OutputS3BucketName="results")
    await put(world, command, 0, b"abc")
    await put(world, command, 3, b"def")
    await finish(world, command)
    await deliver(world, command)

    assert [b"abcdef"] == list((await objects(world)).values())


@pytest.mark.parametrize("policy", [NOTHING, None])
async def test_what_cannot_be_delivered_is_kept_all_the_same(world, policy):
    """The node's role may not, or there is no such bucket: the command does not fail by it."""
    if policy:
        await a_bucket(world)
    command = await world.send(
        OutputS3BucketName="results", CloudWatchOutputConfig={"CloudWatchOutputEnabled": True}
    )
    await put(world, command, 0, b"hello")
    await finish(world, command)
    await deliver(world, command, policy=policy)

    assert b"hello" == await read(world, command)
    if policy:
        assert {} == await objects(world)


async def test_lines_go_to_the_log_once(world):
    """After a reboot a step goes on: the log gets what is new."""
    command = await world.send(CloudWatchOutputConfig={"CloudWatchOutputEnabled": True})
    await put(world, command, 0, b"one\n\ntwo\n")
    await finish(world, command)
    await deliver(world, command)
    await deliver(world, command)
    await put(world, command, 9, b"thr\x00ee\n")
    await finish(world, command)
    await deliver(world, command)

    stream = f"{command}/{world.nodes[0]}/aws-runShellScript/stdout"
    assert [(stream, "one"), (stream, "two"), (stream, "thr\ufffdee")] == await logged(
        world, "/aws/ssm/AWS-RunShellScript"
    )


async def test_the_order_may_name_the_log(world):
    named = {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "mine"}
    command = await world.send(CloudWatchOutputConfig=named)
    await put(world, command, 0, b"line", stream="stderr")
    await finish(world, command, stream="stderr")
    await deliver(world, command, stream="stderr")

    [(stream, line)] = await logged(world, "mine")
    assert (True, "line") == (stream.endswith("/stderr"), line)


async def test_what_the_stock_agent_uploaded_is_read_from_the_bucket(world):
    """It uploads before it replies, and its reply has the beginning alone."""
    await a_bucket(world)
    command = await world.send(OutputS3BucketName="results", InstanceIds=world.nodes[:1])
    key = f"{command}/{world.nodes[0]}/awsrunShellScript/0.awsrunShellScript/stdout"

    async def content():
        yield b"out\nand more"

    await world.stores.service.put(world.call(), "results", key, content(), "text/plain")
    await world.finish(command, world.nodes[0])
    asked = {"CommandId": command, "InstanceId": world.nodes[0]}
    told = await world.operations.get_command_output(
        world.call("ssm:GetCommandOutput"), {**asked, "Offset": 4}
    )

    assert (b"and more", True, True) == (told["Content"], told["Finished"], told["Whole"])


async def test_without_a_bucket_it_lies_in_the_houses_own(world):
    command = await world.send(DocumentName="Two")
    await put(world, command, 0, b"hello", step="first", stream="stderr")
    await finish(world, command, step="first", stream="stderr")
    [found] = await world.blobs.list()

    assert f"ostler-output/{command}/{world.nodes[0]}/awsrunShellScript/first/stderr" == found.key


async def test_only_what_follows_is_taken(world):
    """Sent again, sent too far on, sent after a cut: the length says where to go on."""
    command = await world.send()
    lengths = [
        await put(world, command, 0, b"abc"),
        await put(world, command, 0, b"abcdef"),
        await put(world, command, 5, b"zzz"),
        await put(world, command, 3, b"def"),
    ]

    assert [3, 3, 3, 6] == lengths
    assert b"abcdef" == await read(world, command)


async def test_it_can_be_read_while_it_grows(world):
    command = await world.send()
    await put(world, command, 0, b"0123")
    await put(world, command, 4, b"4567")
    growing = await read(world, command, start=2, length=4)
    await finish(world, command)

    assert b"2345" == growing
    assert b"2345" == await read(world, command, start=2, length=4)
    assert b"" == await read(world, command, start=8)


async def test_finishing_twice_changes_nothing_and_empty_streams_are_none(world):
    command = await world.send()
    await finish(world, command)
    await finish(world, command)

    assert [] == await world.blobs.list()
    assert b"" == await read(world, command)


async def test_a_step_that_goes_on_after_a_reboot_adds_to_its_output(world):
    command = await world.send()
    await put(world, command, 0, b"before ")
    await finish(world, command)
    length = await put(world, command, 7, b"after")
    growing = await read(world, command)
    await finish(world, command)

    assert 12 == length
    assert b"before after" == growing
    assert b"before after" == await read(world, command)


async def test_what_is_too_long_for_memory_stays_in_pieces(world, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_ASSEMBLED", 4)
    command = await world.send()
    await put(world, command, 0, b"abc")
    await put(world, command, 3, b"def")
    await finish(world, command)

    assert b"cde" == await read(world, command, start=2, length=3)
    assert 2 == len(await world.blobs.list())


async def test_two_who_bring_the_same_lose_nothing(world):
    """A node that lost the answer sends again, cut elsewhere."""
    command = await world.send()
    where = (world.scope, world.nodes[0], command, STEP, "stdout")
    await world.blobs.put(
        f"ostler-output/{command}/{world.nodes[0]}/awsrunShellScript/0.awsrunShellScript"
        "/stdout.pieces/000000000000-5",
        b"abcde",
    )
    await world.outputs.append(*where, 0, b"abc")
    await world.outputs.append(*where, 3, b"defg")

    assert b"abcdefg" == await read(world, command)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"node": "mi-fffffffffffffffff"}, "InvocationDoesNotExist"),
        ({"step": "other"}, "InvalidPluginName"),
        ({"stream": "log"}, "InvalidPluginName"),
    ],
)
async def test_only_streams_of_the_nodes_own_steps_are_kept(world, given, code):
    command = await world.send()

    with pytest.raises(Exception) as refused:
        await put(world, command, 0, b"x", **given)
    assert code == refused.value.code


class Nowhere:
    """No destination is ordered here."""


@pytest.fixture
def narrow(world):
    """Outputs with room for very little of an invocation."""
    world.outputs = module.Outputs(world.storage, world.blobs, Nowhere(), largest=8)
    return world


MARK = b"\n--output truncated: 7.62939e-06 MB of an invocation are kept--\n"


async def test_an_invocation_that_writes_too_much_is_cut_and_says_so(narrow):
    command = await narrow.send()
    await put(narrow, command, 0, b"hello ")
    length = await put(narrow, command, 6, b"world")
    again = await put(narrow, command, 6, b"world")
    later = await put(narrow, command, length, b"more")

    assert b"hello wo" + MARK == await read(narrow, command)
    assert [length] * 2 == [again, later]
    assert 1 == len(await narrow.blobs.list())


async def test_all_streams_of_an_invocation_share_its_room(narrow):
    command = await narrow.send(DocumentName="Two")
    other = {"step": "second", "stream": "stderr"}
    await put(narrow, command, 0, b"12345678", step="first")
    length = await put(narrow, command, 0, b"9", **other)

    assert len(MARK) == length
    assert length == await put(narrow, command, length, b"0", **other)


async def test_what_is_cut_is_not_whole(narrow):
    command = await narrow.send()
    await put(narrow, command, 0, b"hello world")
    await narrow.finish(command, narrow.nodes[0])
    call = narrow.call("ssm:GetCommandOutput")

    told = await narrow.operations.get_command_output(
        call, {"CommandId": command, "InstanceId": narrow.nodes[0]}
    )

    assert (b"hello wo" + MARK, True, False) == (told["Content"], told["Finished"], told["Whole"])


async def test_a_server_killed_before_the_cut_was_told_whole_tells_it_then(narrow):
    command = await narrow.send()
    stream = Stream(command, narrow.nodes[0], STEP, "stdout")
    await narrow.blobs.put(
        f"ostler-output/{command}/{narrow.nodes[0]}/awsrunShellScript/0.awsrunShellScript"
        "/stdout.pieces/000000000000-5",
        b"hello",
    )
    await narrow.storage.write(
        narrow.scope, partial(streams.lengthen, stream=stream, by=5, at=0, cut=True)
    )
    await put(narrow, command, 0, b"hello")

    assert b"hello" == await read(narrow, command)


async def test_history_takes_the_houses_output_along_and_leaves_a_callers_bucket(world):
    await a_bucket(world)
    node = world.nodes[0]
    own = await world.send(InstanceIds=[node])
    callers = await world.send(InstanceIds=[node], OutputS3BucketName="results")
    for command in (own, callers):
        await put(world, command, 0, b"hello")
        await finish(world, command)
        await deliver(world, command)
        await world.finish(command, node)
    await world.pass_time(days=31)

    assert ["buckets"] == [one.key.partition("/")[0] for one in await world.blobs.list()]
    assert [b"hello"] == list((await objects(world)).values())
