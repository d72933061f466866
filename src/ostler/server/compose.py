"""Who gets whom: the whole house in one place. Nobody else constructs anything."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ostler import agent
from ostler.capabilities import (
    associations,
    buckets,
    commands,
    compliance,
    documents,
    identity,
    inventory,
    keys,
    logs,
    nodes,
    notifications,
    parameters,
    tags,
)
from ostler.capabilities import events as happenings
from ostler.capabilities import settings as service_settings
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation import audit, deliveries, events, timers
from ostler.foundation.audit import Audit
from ostler.foundation.authentication import Authentication
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import Clock, SystemClock
from ostler.foundation.deliveries import Deliveries
from ostler.foundation.events import Bulletin
from ostler.foundation.ids import AccountId, Ids, Region, SystemIds
from ostler.foundation.nudges import Nudges, way_of
from ostler.foundation.outbound import Http, Networks
from ostler.foundation.paging import PageTokens
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope, Storage
from ostler.foundation.timers import Schedule, Timers
from ostler.gateway.app import Gateway, Surroundings
from ostler.gateway.dispatch import Dispatch
from ostler.gateway.limits import CallerLimits, Rate
from ostler.gateway.watching import Watching
from ostler.relay import app as relay
from ostler.relay import polling
from ostler.relay.attachments import Attachments
from ostler.relay.mailbox import Mailbox
from ostler.relay.replies import Collector
from ostler.relay.room import Room
from ostler.relay.tokens import ChannelTokens
from ostler.server.bundles import Bundles
from ostler.server.courier import Courier
from ostler.server.desk import Desk
from ostler.server.elsewhere import BucketsElsewhere
from ostler.server.http import Front
from ostler.server.installer import Installer
from ostler.server.invocation import Invocation
from ostler.server.meter import Meter
from ostler.server.opening import kept_keys
from ostler.server.overheard import Overheard
from ostler.server.pages import Pages
from ostler.server.readiness import Readiness
from ostler.server.retention import TIMER as RETENTION
from ostler.server.retention import Retention
from ostler.server.settings import Settings
from ostler.server.tagged import Tagged
from ostler.server.workers import Work, Workers

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class House:
    """The server, put together: its front, and what has to run behind it."""

    front: Front
    gateway: Gateway
    administrator: identity.KeyPair
    storage: Storage
    timers: Timers
    audit: Audit
    mailbox: Mailbox
    rooms: "Rooms"
    workers: Workers
    last_works: Sequence[Work]
    """What is done once the workers have stopped, so that nothing half-done is left."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the workers work; at the end stop them and finish what was being written."""
        try:
            async with self.workers.running():
                yield
            for work in self.last_works:
                await work()
        finally:
            self.storage.close()


@dataclass(frozen=True, slots=True)
class Rooms:
    """The capabilities, put together: what the doors need of them, and every one in its tier."""

    identity: identity.Identity
    signing: notifications.Signing
    tags: tags.Tags
    nodes: nodes.Nodes
    commands: commands.RunCommand
    parameters: parameters.Parameters
    state_manager: associations.StateManager
    every: Sequence[Capability]

    @property
    def migrations(self) -> Sequence[Migration]:
        """What makes the tables, the foundation's first."""
        return [
            *timers.MIGRATIONS,
            *events.MIGRATIONS,
            *deliveries.MIGRATIONS,
            *audit.MIGRATIONS,
            *(step for each in self.every for step in each.migrations),
        ]


async def compose(
    settings: Settings,
    *,
    ca: Path | None = None,
    names: Collection[str] = (),
    clock: Clock | None = None,
    ids: Ids | None = None,
    meter: Meter | None = None,
    open_storage: Callable[..., Storage] = Storage,
    open_blobs: Callable[[str], Blobs] = Blobs,
) -> House:
    """Open the database, bring it up to date, and put everything together.

    `names` are those by which the machine knows itself, besides the ones in the settings.
    The simulation brings a clock, ids, a storage and blobs of its own.
    """
    clock, ids = clock or SystemClock(), ids or SystemIds()
    schedule = Schedule()
    overheard = Overheard(meter)
    bulletin = Bulletin(clock, overheard=overheard.hear)
    storage = open_storage(
        settings.database_url,
        outbox=bulletin,
        due_work=schedule,
        timed=meter.stored if meter else None,
    )
    newest, *older = await kept_keys(settings, storage)
    secrets = Secrets(newest, older)
    foundation = Foundation(storage, clock, ids, open_blobs(settings.blobs_url), secrets)

    attachments = Attachments(foundation.blobs, secrets, clock)
    nudges = Nudges(way_of(settings.database_url, settings.nudges), clock, ids)
    overheard.ring_for_others(nudges)
    courier = Courier(nudges)
    networks = Networks(settings.outbound_denied, settings.outbound_allowed)
    outbound = Http(networks)
    errands = Errands(Invocation(), networks, outbound, Deliveries(storage, clock))
    rooms = _furnish(foundation, settings, attachments, courier, errands)
    who, machines, capabilities = rooms.identity, rooms.nodes, rooms.every

    await storage.migrate(rooms.migrations)
    for capability in capabilities:
        for event, listener in capability.listeners:
            bulletin.subscribe(event, listener)
        for event, timer, wanted in capability.wakes:
            bulletin.wake(event, timer, wanted)
    bulletin.subscribe(NodeDeregistered, courier.part)
    rooms.tags.serve([kind for each in capabilities for kind in each.taggables])
    administrator = await who.first_start(
        account=settings.account, access_key=settings.access_key, secret_key=settings.secret_key
    )

    # The doors.
    tagged = Tagged(tags.TagsByArn(storage, rooms.tags), who)
    limits = CallerLimits(
        users=Rate(settings.user_rate, settings.user_burst),
        nodes=Rate(settings.node_rate, settings.node_burst),
        addresses=Rate(settings.address_rate, settings.address_burst),
        clock=clock,
    )
    authentication = Authentication(who, machines, who, clock, strangers=limits, uses=who.uses)
    trail = Audit(storage, clock)
    desk = Desk(rooms.commands.desk, rooms.state_manager.bell)
    mailbox = Mailbox(desk, clock)
    courier.serve(mailbox)
    machines.presence.when_lost(courier.look_everywhere)
    collector = Collector(desk, clock)
    messages = polling.Operations(mailbox, collector, clock, endpoint="")
    surroundings = Surroundings(
        clock=clock,
        ids=ids,
        page_tokens=PageTokens(secrets.derive("page tokens")),
        resource_tags=tagged,
        default_scope=Scope(AccountId(administrator.account), Region(settings.region)),
        hosts=(*settings.names, settings.domain, "localhost", *sorted(names)),
    )
    watching = Watching(
        authentication,
        rooms.parameters.changes,
        trail,
        surroundings,
        overheard.bell,
        limits=limits,
    )
    gateway = Gateway(
        Dispatch([answer for each in capabilities for answer in each.operations] + [messages]),
        authentication,
        trail,
        surroundings,
        limits=limits,
        meter=meter,
    )
    room = Room()
    errands.invocation.serve(gateway)
    channels = relay.Relay(
        authentication,
        ChannelTokens(secrets.derive("channel tokens"), clock=clock, ids=ids, spent=who),
        mailbox,
        collector,
        relay.Surroundings(clock, ids, tagged, settings.control_channel),
        presence=machines,
        output=rooms.commands.outputs,
        trail=trail,
        limits=limits,
        room=room,
    )

    due = Timers(storage, clock, ids, schedule, dict(bulletin.handlers(storage)))
    retention = Retention(
        storage,
        clock,
        audit_for=timedelta(days=settings.audit_days),
        events_for=timedelta(days=settings.history_days),
    )
    due.serve({RETENTION: retention.forget})
    due.serve({kind: handler for each in capabilities for kind, handler in each.jobs})
    # What waits for receivers outside has a loop of its own: they may all hang at once.
    going_out = Timers(storage, clock, ids, schedule, {deliveries.TIMER: errands.deliveries.carry})
    if storage.dialect == "sqlite":  # a file is one server's
        await due.take_over()
    await retention.start()
    for capability in capabilities:
        if capability.start is not None:
            await capability.start()
    workers = Workers(
        {
            "timers": due.run,
            "deliveries": going_out.run,
            "mailbox": mailbox.run,
            "audit": trail.run,
            "nudges": nudges.run,
            "presence": machines.presence.run,
            "key uses": who.uses.run,
        },
        clock,
    )
    readiness = Readiness(
        storage, workers, clock, pulse=machines.presence, folders=settings.folders
    )
    installer = Installer(Bundles(settings.data / "agents"))
    pages = Pages(readiness, installer, rooms.signing, region=settings.region, ca=ca)
    return House(
        front=Front(gateway, watching, channels, attachments, pages, room),
        gateway=gateway,
        administrator=administrator,
        storage=storage,
        timers=due,
        audit=trail,
        mailbox=mailbox,
        rooms=rooms,
        workers=workers,
        last_works=[
            rooms.state_manager.bell.rest,
            rooms.commands.desk.rest,
            trail.write_down,
            who.uses.write_down,
            machines.presence.end,
            outbound.close,
        ],
    )


def every_migration() -> Sequence[Migration]:
    """What makes the tables of a server, without one."""
    clock = SystemClock()
    storage = Storage("sqlite://", outbox=Bulletin(clock), due_work=Schedule())
    blobs, secrets = Blobs("memory://"), Secrets(bytes(32))
    nowhere = Foundation(storage, clock, SystemIds(), blobs, secrets)
    courier = Courier(Nudges(None, clock, nowhere.ids))
    everywhere = Networks()
    errands = Errands(Invocation(), everywhere, Http(everywhere), Deliveries(storage, clock))
    attachments = Attachments(blobs, secrets, clock)
    return _furnish(nowhere, Settings(), attachments, courier, errands).migrations


@dataclass(frozen=True, slots=True)
class Errands:
    """How capabilities act outside of themselves: as a customer, and out of the house."""

    invocation: Invocation
    networks: Networks
    outbound: Http
    deliveries: Deliveries


def _furnish(
    foundation: Foundation,
    settings: Settings,
    attachments: Attachments,
    courier: Courier,
    errands: Errands,
) -> Rooms:
    """Build the capabilities, bottom up, tier by tier."""
    known = identity.build(foundation, provider=_provider_of(settings), outbound=errands.outbound)
    who: identity.Identity = known.service
    ring = keys.build(foundation)
    stores = buckets.build(foundation)
    elsewhere = settings.s3_endpoint
    journals = logs.build(foundation)
    choices = service_settings.build(foundation)
    chosen: service_settings.Settings = choices.service
    rules = happenings.build(
        foundation,
        roles=who,
        invoke=errands.invocation,
        outbound=errands.outbound,
        deliveries=errands.deliveries,
    )
    post = notifications.build(
        foundation,
        outbound=errands.outbound,
        networks=errands.networks,
        deliveries=errands.deliveries,
    )
    tagged = tags.build(foundation)
    labels: tags.Tags = tagged.service
    # Our agent comes with the server; of others nobody here knows the newest version.
    newest_agents = {agent.NAME: agent.VERSION}
    standings = associations.Standings()
    fleet = nodes.build(
        foundation,
        tags=labels,
        settings=chosen.settings,
        roles=who,
        latest_agents=newest_agents,
        associations=standings,
    )
    machines: nodes.Nodes = fleet.service
    papers = documents.build(
        foundation,
        tags=labels,
        uses=standings,
        settings=chosen.settings,
        links=attachments,
        buckets=stores.service,
        trusted_hosts=settings.trusted_hosts,
    )
    values = parameters.build(
        foundation,
        tags=labels,
        keys=ring.service,
        settings=chosen,
        limits=parameters.Limits(
            standard_size=settings.parameter_size, advanced_size=settings.advanced_parameter_size
        ),
    )
    ran = commands.build(
        foundation,
        documents=papers.service,
        nodes=machines,
        roles=who,
        stored=values.service,
        courier=courier,
        buckets=BucketsElsewhere(elsewhere) if elsewhere else stores.service,
        output_url=elsewhere,
        logs=journals.service,
        invoke=errands.invocation,
        history=timedelta(days=settings.history_days),
        largest_output=settings.output_limit * MEGABYTE,
        bringers=newest_agents.keys(),
    )
    examined = compliance.build(foundation, nodes=machines, examined={"Association"})
    wanted = associations.build(
        foundation,
        documents=papers.service,
        nodes=machines,
        roles=who,
        tags=labels,
        compliance=examined.service,
        courier=courier,
        history=timedelta(days=settings.history_days),
    )
    collected = inventory.build(
        foundation,
        nodes=machines,
        tags=labels,
        storeroom=stores.service,
        items_for=timedelta(days=settings.inventory_days),
        changes_for=timedelta(days=settings.history_days),
    )
    return Rooms(
        who,
        post.service,
        labels,
        machines,
        ran.service,
        values.service,
        wanted.service,
        every=[
            known,
            ring,
            stores,
            rules,
            journals,
            post,
            tagged,
            choices,
            fleet,
            papers,
            values,
            ran,
            examined,
            wanted,
            collected,
        ],
    )


def _provider_of(settings: Settings) -> identity.Provider | None:
    """Who says who people are, if anybody does."""
    if not settings.oidc_issuer:
        return None
    return identity.Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_scopes,
        settings.oidc_claim,
        settings.role_pairs,
    )
