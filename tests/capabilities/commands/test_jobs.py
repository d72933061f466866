"""What happens by itself, with servers that die at any moment and nodes that may be silent."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from ostler.capabilities.commands.jobs import Desk, Dispatcher
from ostler.capabilities.commands.service import Progress
from ostler.foundation.ids import NodeId
from ostler.relay.ports import Acked
from ostler.wire.agent.jobs import CANCEL_COMMAND
from tests.capabilities.commands.world import World, a_document, job_of, stops

FINAL = {
    *("Success", "Failed", "Cancelled", "ExecutionTimedOut", "DeliveryTimedOut"),
    *("Undeliverable", "Terminated"),
}


@dataclass
class Agent:
    """A node's agent as far as commands go: it writes down what it has, and never does it twice."""

    id: NodeId
    jobs: dict[str, str] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    done: dict[str, str] = field(default_factory=dict)


class Simulation:
    """A fleet and a server, both of which do what chance wants."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.agents = {node: Agent(node) for node in world.nodes}
        self.command = ""
        self.most_running = 0

    async def step(self) -> None:
        deeds = [self.connect] * 4 + [self.work] * 4 + [self.hear] * 2 + [self.timers, self.crash]
        await self.chance.choice(deeds)()
        running = sum(
            1
            for agent in self.agents.values()
            if self.command in agent.jobs and self.command not in agent.done
        )
        self.most_running = max(self.most_running, running)

    async def connect(self) -> None:
        """A node asks what waits for it."""
        agent = self.chance.choice(list(self.agents.values()))
        for job in await self.world.desk.pending(self.world.scope, agent.id):
            await self.receive(agent, job)

    async def hear(self) -> None:
        """What was brought arrives; with luck."""
        brought, self.world.courier.brought = self.world.courier.brought, defaultdict(dict)
        for node, jobs in brought.items():
            for job in jobs.values():
                if self.chance.random() < 0.7:
                    await self.receive(self.agents[node], job)

    async def receive(self, agent: Agent, job) -> None:
        code = "200"
        if job.topic.startswith(CANCEL_COMMAND):
            command = stops(job)
            if command in agent.jobs and command not in agent.done:
                agent.done[command] = "Cancelled"
        else:
            command = job_of(job)
            code = "51405" if command in agent.jobs else "200"
            if code == "200":
                agent.runs[command] += 1
            agent.jobs.setdefault(command, "running")
        if self.chance.random() < 0.8:
            await self.world.acknowledged(agent.id, job.job_id, code)

    async def work(self) -> None:
        """An agent ends a command, or says once more how one ended."""
        agent = self.chance.choice(list(self.agents.values()))
        for command in agent.jobs:
            if command not in agent.done and self.chance.random() < 0.5:
                agent.done[command] = self.chance.choice(["Success", "Success", "Failed"])
            if command in agent.done:
                status = agent.done[command]
                await self.world.finish(command, agent.id, status=status)

    async def timers(self) -> None:
        await self.world.pass_time(seconds=self.chance.choice([0, 1, 5]))

    async def crash(self) -> None:
        """The server begins anew; what was brought is lost, what it did not come to is not."""
        self.world.begin()

    async def calm_down(self) -> None:
        """From now on everybody is there and nothing is lost, until all have had their turn."""
        for _ in range(30):
            found = await self.world.command(self.command)
            if found["CompletedCount"] == len(self.agents):
                return
            await self.world.settle()
            self.world.courier.brought.clear()
            for agent in self.agents.values():
                for job in await self.world.desk.pending(self.world.scope, agent.id):
                    await self.receive(agent, job)
                for command in agent.jobs:
                    status = agent.done.setdefault(command, "Success")
                    await self.world.finish(command, agent.id, status=status)


@pytest.mark.parametrize(
    ("engine", "seed"),
    [*(("sqlite", seed) for seed in range(10)), ("postgresql", 10), ("postgresql", 11)],
    indirect=["engine"],
)
async def test_whatever_dies_no_command_is_lost_and_nothing_runs_twice(world, seed):
    world.enrol(5)
    simulation = Simulation(world, seed)
    # The accepted order is all there is: the server dies before it has done anything about it.
    answer = await world.operations.send_command(
        world.call(),
        world.order(
            MaxConcurrency="3", MaxErrors="100%", TimeoutSeconds=3600, InstanceIds=world.nodes
        ),
    )
    simulation.command = command = answer["Command"]["CommandId"]
    world.begin()
    for _ in range(40):
        await simulation.step()
    await simulation.calm_down()
    found = await world.command(command)
    standings = await world.standings(command)
    ended = [agent.done[command] for agent in simulation.agents.values()]

    assert ended == standings
    assert [1] * 8 == [agent.runs[command] for agent in simulation.agents.values()]
    assert simulation.most_running <= 3
    assert (8, 8, ended.count("Failed")) == (
        found["TargetCount"],
        found["CompletedCount"],
        found["ErrorCount"],
    )
    assert 8 == len(await world.told_events("InvocationEnded"))
    assert 1 == len(await world.told_events("CommandEnded"))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", range(10))
async def test_with_cancels_and_silence_every_invocation_has_its_end(world, seed):
    world.enrol(5)
    simulation = Simulation(world, seed)
    simulation.command = command = await world.send(
        MaxConcurrency="3", MaxErrors="1", TimeoutSeconds=30, InstanceIds=world.nodes
    )
    for number in range(40):
        await simulation.step()
        if number == 20 and seed % 2:
            await world.cancel(command)
        if number == 25:
            lost = simulation.chance.choice(world.nodes)
            await world.deregister(lost)
    await world.pass_time(minutes=1)
    await world.pass_time(hours=2)
    await world.pass_time(minutes=7)
    found = await world.command(command)
    standings = await world.standings(command)
    ended = await world.told_events("InvocationEnded")

    assert set(standings) <= FINAL
    assert (8, 8) == (found["TargetCount"], found["CompletedCount"])
    assert found["Status"] in {"Success", "Failed", "Cancelled", "TimedOut"}
    assert sorted(standings) == sorted(one["details"] for one in ended)
    assert all(agent.runs[command] <= 1 for agent in simulation.agents.values())


async def test_a_server_that_dies_before_the_first_node_is_told_tells_it_later(world):
    answer = await world.operations.send_command(world.call(), world.order())
    command = answer["Command"]["CommandId"]
    world.begin()
    await world.settle()

    assert world.nodes == world.told(command)


async def test_a_server_that_dies_after_a_wave_began_still_knows_whom_to_tell(world):
    command = await world.send(MaxConcurrency="1")
    world.begin()
    jobs = [len(await world.desk.pending(world.scope, node)) for node in world.nodes]

    assert [] == world.told(command)
    assert [1, 0, 0] == jobs


async def test_the_same_job_is_made_again_from_what_is_kept(world):
    """Even when the document has changed, or is gone."""
    node = world.nodes[0]
    await world.send(InstanceIds=[node])
    [before] = world.courier.brought[node].values()
    world.documents.documents.clear()
    world.begin()
    [after] = await world.desk.pending(world.scope, node)

    assert before == after


async def test_a_server_that_was_away_hears_its_nodes_before_it_gives_them_up(world):
    """The command's time was up meanwhile; one node has ended it and says so, one never will."""
    first, second, third = world.nodes
    command = await world.send(TimeoutSeconds=30)
    await world.acknowledge(command, first, second)
    world.begin()
    await world.pass_time(days=1)
    back = await world.standings(command)
    await world.finish(command, first)
    await world.pass_time(minutes=7)

    assert ["InProgress", "InProgress", "DeliveryTimedOut"] == back
    assert ["Success", "DeliveryTimedOut", "DeliveryTimedOut"] == await world.standings(command)
    assert [] == await world.desk.pending(world.scope, third)


async def test_a_wave_that_is_late_starts_nobody(world):
    """The time for delivery was up before the server came to it."""
    order = world.order(TimeoutSeconds=30, MaxConcurrency="1")
    answer = await world.operations.send_command(world.call(), order)
    command = answer["Command"]["CommandId"]
    world.begin()
    await world.pass_time(seconds=31)

    assert [] == world.told(command)
    assert ("TimedOut", "DeliveryTimedOut") == await world.standing(command)


async def test_the_first_nodes_are_told_before_anybody_hears_the_event(world):
    """A customer who waits for a script does not wait for a timer's turn."""
    answer = await world.operations.send_command(world.call(), world.order(MaxConcurrency="2"))
    command = answer["Command"]["CommandId"]
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    assert list(world.nodes[:2]) == world.told(command)


async def test_a_cancel_survives_the_server(world):
    node = world.nodes[0]
    command = await world.send(InstanceIds=[node])
    await world.acknowledge(command, node)
    call = world.call("ssm:CancelCommand")
    await world.operations.cancel_command(call, {"CommandId": command})
    world.begin()
    await world.settle()

    assert [node] == world.told_to_stop(command)


async def test_a_cancel_has_an_id_of_its_own_and_names_the_job(world):
    node = world.nodes[0]
    command = await world.send(InstanceIds=[node])
    await world.acknowledge(command, node)
    await world.cancel(command)
    [job] = await world.desk.pending(world.scope, node)

    assert "aws.ssm.cancelCommand" == job.topic
    assert command not in job.job_id
    assert f'{{"CancelMessageId":"aws.ssm.{command}.{node}"}}' == job.content


@dataclass
class Picky:
    """Keeps what nodes say, but for one of them."""

    progress: Progress
    node: NodeId

    async def record(self, words):
        if any(word.node == self.node for word in words):
            raise RuntimeError("this cannot be kept")
        return await self.progress.record(words)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_one_reply_that_cannot_be_kept_does_not_take_others_with_it(world):
    first, second, _ = world.nodes
    command = await world.send()
    progress = Progress(world.storage, world.clock)
    dispatcher = Dispatcher(progress, world.outputs, world.courier, world.clock)
    desk = Desk(Picky(progress, first), dispatcher)

    faults = await asyncio.gather(
        *(
            desk.acknowledged([Acked(world.scope, node, f"aws.ssm.{command}.{node}", "200")])
            for node in (first, second)
        ),
        return_exceptions=True,
    )

    assert ["this cannot be kept", "None"] == [str(fault) for fault in faults]
    assert ["Pending", "InProgress", "Pending"] == await world.standings(command)


async def test_a_courier_that_fails_does_not_undo_what_a_node_said(world, monkeypatch):
    async def bring(scope, node, job):
        raise RuntimeError("no way there")

    command = await world.send(MaxConcurrency="1")
    monkeypatch.setattr(world.courier, "bring", bring)
    await world.finish(command, world.nodes[0])

    assert ["Success", "Pending", "Pending"] == await world.standings(command)
    assert 1 == len(await world.desk.pending(world.scope, world.nodes[1]))


async def test_a_document_of_the_old_schema_is_reported_by_its_plugin(world):
    world.documents.documents["New"] = a_document("only")
    node = world.nodes[0]
    command = await world.send(DocumentName="New", InstanceIds=[node])
    await world.finish(command, node)
    by_plugin = await world.invocation(command, node)

    assert ("only", -1) == (by_plugin["PluginName"], by_plugin["ResponseCode"])
