"""Being a node: registration, credentials, keys that change, the heartbeat, the lines."""

import asyncio
from bisect import bisect
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ostler.agent import NAME, VERSION, signing
from ostler.agent.calls import Refused
from ostler.agent.channels.control import PING_EVERY, PONG_WITHIN
from ostler.agent.fingerprint import fingerprint_of, same_machine
from ostler.agent.folder import Folder, FolderInUse
from ostler.agent.heartbeat import EVERY
from ostler.agent.keys import Key
from ostler.agent.network import NetworkFault, endpoint_of
from ostler.agent.registration import forget, region_of, register, saved
from ostler.agent.retries import LONGEST, SHORTEST, Retries
from ostler.foundation.ids import SequentialIds, SystemIds
from ostler.wire.agent import channels
from ostler.wire.http import Response
from tests.agent.life import SERVER, World, a_key
from tests.agent.server import LIFE, NODE, REGION, a_job, a_step, public_key

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HARDWARE = {"machine-id": "a", "address": "1", "name": "n", "memory": "m", "processor": "p"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_an_activation_makes_a_node(world: World) -> None:
    made = await register(
        world.server,
        world.folder,
        world.keys,
        endpoint=SERVER,
        region=await region_of(world.server),
        activation_id="the id",
        activation_code="the code",
        fingerprint="the fingerprint",
        name="db-1",
    )

    assert (NODE, REGION, SERVER.url, "db-1") == (made.node, made.region, made.server, made.name)
    assert made == saved(world.folder)
    [(_, given)] = world.server.calls
    assert ("the id", "the code", "the fingerprint", "Rsa") == (
        given["ActivationId"],
        given["ActivationCode"],
        given["Fingerprint"],
        given["PublicKeyType"],
    )
    assert 392 == len(given["PublicKey"])
    assert given["PublicKey"] == await public(world.keys.current())
    assert world.keys.next() is None
    forget(world.folder)
    assert saved(world.folder) is None


async def test_a_refused_activation_leaves_no_node(world: World) -> None:
    world.server.faults["RegisterManagedInstance"] = [
        Response(400, {}, b'{"__type":"ActivationExpired","message":"too late"}')
    ]

    with pytest.raises(Refused, match="ActivationExpired: too late"):
        await register(
            world.server,
            world.folder,
            world.keys,
            endpoint=SERVER,
            region=REGION,
            activation_id="id",
            activation_code="code",
            fingerprint="f",
        )

    assert saved(world.folder) is None


async def test_the_folder_is_its_owners_alone(world: World) -> None:
    async with world.life():
        pass

    assert 0o700 == world.folder.path.stat().st_mode & 0o777
    files = {path.name: path.stat().st_mode & 0o777 for path in world.folder.path.iterdir()}
    folders = {"associations", "journal", "work"}
    assert folders == {name for name, mode in files.items() if mode == 0o700}
    assert {0o600} == {mode for name, mode in files.items() if name not in folders}
    assert {"key.pem", "registration.json", "fingerprint.json", "credentials"} <= files.keys()


def test_two_agents_do_not_share_a_folder(tmp_path: Path) -> None:
    first, second = Folder(tmp_path), Folder(tmp_path)
    first.claim()

    with pytest.raises(FolderInUse, match="running"):
        second.claim()

    first.release()
    second.claim()


async def test_credentials_are_renewed_at_half_their_life(world: World) -> None:
    async with world.life():
        asked = len(world.server.called("RequestManagedInstanceRoleToken"))
        await world.clock.advance(LIFE / 2 - MINUTE)
        assert asked == len(world.server.called("RequestManagedInstanceRoleToken"))
        await world.clock.advance(2 * MINUTE)

        assert asked + 1 == len(world.server.called("RequestManagedInstanceRoleToken"))
        shared = (world.folder.path / "credentials").read_text()
        access_key, (secret, token) = list(world.server.tokens.items())[-1]
        assert (
            f"[default]\naws_access_key_id = {access_key}\n"
            f"aws_secret_access_key = {secret}\naws_session_token = {token}\n"
        ) == shared


async def test_credentials_that_are_refused_are_asked_for_anew(world: World) -> None:
    """The server lost them, or their role was taken away and given back."""
    async with world.life():
        await world.clock.advance(MINUTE)
        world.server.tokens.clear()
        world.server.line.cut()
        await world.until(lambda: len(world.server.lines) == 2, step=SECOND)

    assert 2 == len(world.server.called("RequestManagedInstanceRoleToken"))


async def test_a_key_is_replaced_when_the_server_wants_it(world: World) -> None:
    world.server.wants_new_key = True
    async with world.life():
        await world.until(lambda: bool(world.server.called("UpdateManagedInstancePublicKey")))
        await world.clock.advance(LIFE)

    assert world.keys.next() is None
    used = await public(world.keys.current())
    assert signing.public(a_key()) != used
    assert [public_key(used)] == world.server.keys


@pytest.mark.parametrize("server_took_it", [True, False])
async def test_a_lost_answer_about_a_key_is_found_out(world: World, server_took_it: bool) -> None:
    """Before, amid or after the announcement: whichever key the server takes is the key."""
    registration = world.registered()
    coming = await world.keys.prepare()
    if server_took_it:
        world.server.keys = [public_key(await coming.public())]
    async with world.life(registration=registration):
        pass

    used = world.keys.current()
    assert used is not None
    assert (coming.pem if server_took_it else a_key()) == used.pem


async def test_a_key_whose_announcement_failed_is_announced_again(world: World) -> None:
    world.server.wants_new_key = True
    world.server.faults["UpdateManagedInstancePublicKey"] = [None]
    async with world.life():
        coming = world.keys.next()
        assert coming is not None
        await world.clock.advance(LIFE)

    assert coming == replace(coming, pem=world.folder.read("key.pem") or b"")


async def test_a_registration_that_was_cut_short_is_found_out(world: World) -> None:
    """The node is known, its key is not yet in use: a crash between the two."""
    registration = world.registered()
    world.folder.rename("key.pem", "key.next.pem")
    async with world.life(registration=registration):
        pass

    assert a_key() == world.folder.read("key.pem")


async def test_another_registration_begins_with_an_empty_folder(world: World) -> None:
    job = a_job(a_step("sleep 5000"))
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: bool(world.host.started))
    await register(
        world.server,
        world.folder,
        world.keys,
        endpoint=SERVER,
        region=REGION,
        activation_id="id",
        activation_code="code",
        fingerprint=world.server.fingerprints[0],
    )
    async with world.life():
        await world.clock.advance(MINUTE)

    assert world.server.ended(job.job_id) is None


def test_another_machine_id_is_another_machine(world: World) -> None:
    first = fingerprint_of(world.folder, HARDWARE, world.ids)

    assert first == fingerprint_of(world.folder, HARDWARE, world.ids)
    copied = fingerprint_of(world.folder, {**HARDWARE, "machine-id": "b"}, world.ids)
    assert first != copied
    assert copied == fingerprint_of(world.folder, {**HARDWARE, "machine-id": "b"}, world.ids)


def test_a_clone_that_kept_its_machine_id_is_known_by_its_product_id() -> None:
    known = {**HARDWARE, "product": "the hypervisor's"}

    assert same_machine(known, HARDWARE)
    assert same_machine(HARDWARE, known)
    assert not same_machine(known, {**known, "product": "another", "address": "2"})


def test_a_machine_with_another_address_is_known_by_its_other_properties() -> None:
    moved = {**HARDWARE, "address": "2"}
    assert same_machine(HARDWARE, moved)
    assert same_machine(HARDWARE, {**moved, "name": "other", "memory": "other"})
    assert not same_machine(
        HARDWARE, {**moved, "name": "other", "memory": "other", "processor": "other"}
    )


async def test_a_copy_of_the_disk_is_refused_by_the_server_and_waits(world: World) -> None:
    world.registered()
    world.host.machine_id = "another"
    async with world.life(until_open=False):
        await world.clock.advance(10 * MINUTE)

    asked = world.server.called("RequestManagedInstanceRoleToken")
    assert 10 <= len(asked) <= 60
    assert world.server.fingerprints[0] not in [given["Fingerprint"] for given in asked]
    assert [] == world.server.lines


async def test_the_heartbeat_tells_what_the_node_is(world: World) -> None:
    async with world.life():
        await world.until(lambda: bool(world.server.called("UpdateInstanceInformation")))
        world.host.address = "192.0.2.99"
        await world.clock.advance(3 * EVERY)

    first, *later = world.server.called("UpdateInstanceInformation")
    assert {
        "InstanceId": NODE,
        "AgentName": NAME,
        "AgentVersion": VERSION,
        "AgentStatus": "Active",
        "ComputerName": "node",
        "IPAddress": "192.0.2.10",
        "PlatformName": "Fake Linux",
        "PlatformType": "Linux",
        "PlatformVersion": "1.0",
        "SSMConnectionChannel": first["SSMConnectionChannel"],
    } == first
    assert 3 <= len(later) <= 4
    assert ("192.0.2.99", "ssmmessages") == (
        later[-1]["IPAddress"],
        later[-1]["SSMConnectionChannel"],
    )


async def test_a_heartbeat_that_fails_is_tried_again_soon(world: World) -> None:
    world.server.faults["UpdateInstanceInformation"] = [Response(500), None]
    async with world.life():
        await world.until(
            lambda: bool(world.server.called("UpdateInstanceInformation")), step=SECOND
        )


async def test_the_channel_is_kept_alive_by_pings(world: World) -> None:
    async with world.life():
        await world.clock.advance(3 * PING_EVERY)
        assert [b"keepalive"] * 3 == world.server.line.pings


async def test_a_channel_whose_pings_are_not_answered_is_opened_anew(world: World) -> None:
    async with world.life():
        world.server.line.answers_pings = False
        await world.clock.advance(PING_EVERY + PONG_WITHIN)
        await world.until(lambda: len(world.server.lines) == 2, step=SECOND)

    assert world.server.lines[0].closed


async def test_a_server_that_was_long_away_is_found_within_a_minute(world: World) -> None:
    async with world.life():
        world.server.down = True
        world.server.line.cut()
        await world.clock.advance(timedelta(hours=3))
        world.server.down = False
        await world.clock.advance(LONGEST + SECOND)
        assert 2 == len(world.server.lines)


async def test_a_node_without_a_channel_polls(world: World) -> None:
    """The server may refuse channels: then jobs and replies go by ordinary calls."""
    server, job = world.server, a_job(a_step("echo hello"))
    refusal = Response(403, {}, channels.refusal("AccessDeniedException", "no channels today"))
    server.faults[channels.control_channel_path(NODE)] = [refusal] * 1000
    server.messages = [job]
    async with world.life(until_open=False):
        await world.until(lambda: server.ended(job.job_id) is not None, step=SECOND)
        await world.until(
            lambda: (
                "ec2messages"
                in [
                    each["SSMConnectionChannel"]
                    for each in server.called("UpdateInstanceInformation")
                ]
            ),
            step=MINUTE,
        )
        server.messages = [job, a_job(a_step("echo 2"), command="two")]
        await world.until(lambda: server.ended(f"aws.ssm.two.{NODE}") is not None, step=SECOND)

        assert ["InProgress", "InProgress", "Success"] == [
            content.document_status for _, content in server.replies[job.job_id]
        ]
        told = [given["MessageId"] for given in server.called("AcknowledgeMessage")]
        assert [job.job_id, job.job_id, f"aws.ssm.two.{NODE}"] == told
        assert 2 == len(world.host.started)

        server.faults.clear()
        await world.until(lambda: bool(server.lines) and server.line.open, step=SECOND)
        polled = len(server.called("GetMessages"))
        await world.clock.advance(10 * MINUTE)
        assert polled == len(server.called("GetMessages"))


async def test_waits_are_random_and_never_longer_than_a_minute() -> None:
    retries = Retries(SystemIds())
    waits = [retries.next() for _ in range(50)]

    assert all(SHORTEST <= wait <= LONGEST for wait in waits)
    assert len(set(waits)) > 40
    retries.reset()
    assert retries.next() <= timedelta(seconds=4)
    assert SHORTEST == Retries(_Lowest()).next()


def test_two_thousand_agents_that_lost_their_server_do_not_come_back_at_once() -> None:
    """Spread over three seconds and then over more: about sixty-seven in a tenth of a second."""
    first = sorted(Retries(SystemIds()).next() for _ in range(2000))

    busiest = max(
        bisect(first, wait + timedelta(milliseconds=100)) - at for at, wait in enumerate(first)
    )

    assert busiest < 130


class _Lowest(SequentialIds):
    def hex(self, digits: int) -> str:
        return "0" * digits


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://ssm.example:8443", "ssm.example:8443"),
        ("https://ssm.example/", "ssm.example"),
        ("ssm.example:8443", "ssm.example:8443"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_a_server_is_a_host_and_a_port(url: str, authority: str) -> None:
    assert authority == endpoint_of(url).authority


@pytest.mark.parametrize(
    "url",
    ["http://ssm.example", "https://ssm.example/path", "ftp://ssm.example", "", "https://a@b/"],
)
def test_what_cannot_be_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"begin|nothing more"):
        endpoint_of(url)


async def test_what_the_server_does_not_answer_is_a_fault_of_the_network(world: World) -> None:
    world.server.down = True

    with pytest.raises(NetworkFault):
        await region_of(world.server)
    assert not asyncio.all_tasks() - {asyncio.current_task()}


async def public(key: Key | None) -> str:
    assert key is not None
    return await key.public()
