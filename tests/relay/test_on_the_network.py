"""The relay behind a real server, and a node that comes over loopback with a real signature."""

import asyncio
import contextlib
from uuid import UUID

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from ostler.foundation.clock import SystemClock
from ostler.wire.agent import channels, jobs
from ostler.wire.agent.channels import MessageType, OpenControlChannel
from ostler.wire.agent.frames import LARGEST_FRAME, Frame, decode, encode
from ostler.wire.agent.jobs import Job, ReplyAck
from tests.relay.door import Door
from tests.relay.fakes import NODE, OTHER_NODE, a_reply, an_ack, job

COMMAND = "0f9d2c1e-1111-4222-8333-444455556666"


class Server(uvicorn.Server):
    """A server that says when it is up."""

    def __init__(self, config):
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.up.set()


class Network:
    """The door on a port of its own."""

    def __init__(self, door):
        self.door = door
        self._server = Server(
            uvicorn.Config(
                door.relay,
                host="127.0.0.1",
                port=0,
                log_level="critical",
                lifespan="off",
                ws="websockets-sansio",
                ws_max_size=LARGEST_FRAME,
                ws_per_message_deflate=False,
            )
        )

    async def __aenter__(self):
        self._serving = asyncio.create_task(self._server.serve())
        await self._server.up.wait()
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *fault):
        self._server.should_exit = True
        await self._serving

    async def http(self, method, path, **how):
        """One request over a connection of its own; status, head and body of the answer."""
        request = self.door.signed(method, path, **how)
        head = [f"{method} {request.path}?{request.query} HTTP/1.1", "connection: close"]
        head += [f"{name}: {value}" for name, value in request.headers.items()]
        head += [f"content-length: {len(request.body)}", "", ""]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write("\r\n".join(head).encode() + request.body)
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode().lower(), body

    @contextlib.asynccontextmanager
    async def channel(self, *, who=NODE, path=None):
        """A control channel, opened as an agent does."""
        path = path or channels.control_channel_path(who)
        query = channels.CONTROL_CHANNEL_QUERY
        _, _, body = await self.http("POST", channels.control_channel_path(who), who=who)
        request = self.door.signed("GET", path, query=query, who=who)
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        async with connect(
            f"ws://{request.headers['host']}{path}?{query}",
            host="127.0.0.1",
            port=self.port,
            additional_headers=headers,
            compression=None,
        ) as websocket:
            opening = OpenControlChannel(channels.read_token_answer(body), "id", "1.0", "linux")
            await websocket.send(jobs.text(opening))
            yield websocket


@pytest.fixture
def door():
    return Door(SystemClock())


async def test_a_job_goes_down_and_its_reply_comes_up(door):
    door.work.jobs[NODE] = [job()]
    async with Network(door) as network, network.channel() as websocket:
        frame = decode(await websocket.recv())
        assert job() == jobs.decode(frame.payload, Job)
        await websocket.send(an_ack(frame))
        await websocket.send(a_reply(job().job_id, message=9, output="x" * 100_000))
        ack = decode(await websocket.recv())
        assert MessageType.AGENT_JOB_REPLY_ACK == ack.message_type
        assert str(UUID(int=9)) == jobs.decode(ack.payload, ReplyAck).acknowledged_message_id
        assert [(job().job_id, "200")] == door.replies.acks
        pong = await websocket.ping(b"keepalive")
        await pong
    assert [("connected", NODE), ("disconnected", NODE)] == door.presence.told


async def test_garbage_ends_its_own_connection_alone(door):
    async with Network(door) as network, network.channel(who=OTHER_NODE) as good:
        for garbage, code in ((b"garbage", 1002), ("text", 1003), (b"x" * 2 * LARGEST_FRAME, 1009)):
            async with network.channel() as hostile:
                await hostile.send(garbage)
                with pytest.raises(ConnectionClosedError) as fault:
                    await hostile.recv()
                assert code == fault.value.rcvd.code
        await good.send(encode(Frame("agent_telemetry", UUID(int=1), b"{}", created_ms=1)))
        await good.send(a_reply(job(node=OTHER_NODE).job_id))
        assert MessageType.AGENT_JOB_REPLY_ACK == decode(await good.recv()).message_type


async def test_another_nodes_channel_stays_shut(door):
    async with Network(door) as network:
        with pytest.raises(InvalidStatus) as fault:
            async with network.channel(path=channels.control_channel_path(OTHER_NODE)):
                pass
        assert 403 == fault.value.response.status_code
        assert b"<AccessDeniedException>" in fault.value.response.body


async def test_a_cut_connection_is_noticed_and_its_job_comes_again(door):
    door.work.jobs[NODE] = [job()]
    async with Network(door) as network:
        async with network.channel() as websocket:
            await websocket.recv()
            websocket.transport.abort()
        async with network.channel() as websocket:
            assert job() == jobs.decode(decode(await websocket.recv()).payload, Job)


async def test_whole_output_is_brought(door):
    path = channels.output_path(COMMAND, "aws:runShellScript", "stdout")
    body = b"x" * channels.LARGEST_OUTPUT
    async with Network(door) as network:
        status, head, _ = await network.http("PUT", path, query="offset=0", body=body)
        assert 200 == status
        assert f"{channels.UPLOAD_OFFSET}: {len(body)}" in head
        status, head, _ = await network.http("HEAD", path)
        assert f"{channels.UPLOAD_OFFSET}: {len(body)}" in head
    assert [body] == list(door.output.kept.values())
