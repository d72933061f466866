"""`ostler-agent doctor`: what is wrong between this node and its server, and how to mend it."""

import argparse
import asyncio
import json
import os
import shutil
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import msgspec

from ostler.agent import VERSION, registration
from ostler.agent.calls import Calls, Refused, Token
from ostler.agent.compose import AUTHORITY_FILE
from ostler.agent.fingerprint import present_fingerprint
from ostler.agent.folder import Folder, FolderInUse
from ostler.agent.host.linux import LinuxHost
from ostler.agent.installation import Installation, kind_of_machine
from ostler.agent.keys import ChildSmith, Keys, KeyUnusable
from ostler.agent.network import Endpoint, NetworkFault, RealNetwork, endpoint_of
from ostler.agent.registration import NodeCalls, Registration
from ostler.agent.updates import Offers
from ostler.foundation.clock import Clock, SystemClock
from ostler.foundation.ids import SystemIds
from ostler.wire.agent import jobs
from ostler.wire.agent.channels import SERVICE, TokenRequest, control_channel_path
from ostler.wire.http import Request

MOST_SKEW = timedelta(minutes=4)
LEAST_ROOM = 100 * 1024 * 1024
_WITHIN = 10

_REGISTER = "ostler-agent register --force with a new activation makes this machine a new node."
_RESTART = "systemctl restart ostler-agent (or start `ostler-agent run` in another way)."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is well, and what mends it if not."""

    check: str
    ok: bool
    told: str
    mend: str = ""


def run(given: argparse.Namespace) -> int:
    """Examine and tell; 0 when all is well, 1 when something is to be mended."""
    findings = asyncio.run(_examined(given.data.absolute(), plain=given.output == "text"))
    if given.output == "json":
        sys.stdout.write(json.dumps([asdict(each) for each in findings], indent=2) + "\n")
    return 0 if all(finding.ok for finding in findings) else 1


async def _examined(data: Path, *, plain: bool) -> list[Finding]:
    findings: list[Finding] = []
    async for finding in examine(Folder(data), SystemClock()):
        findings.append(finding)
        if plain:
            sys.stdout.write(f"{'ok ' if finding.ok else 'BAD'}  {finding.check}: {finding.told}\n")
            if finding.mend:
                sys.stdout.write(f"       {finding.mend}\n")
    return findings


async def examine(folder: Folder, clock: Clock) -> AsyncIterator[Finding]:
    """One check after the other; what the next one would need and is missing ends it."""
    for finding in _at_home(folder):
        yield finding
        if not finding.ok and finding.check in ("permissions", "registration"):
            return
    saved = registration.saved(folder)
    assert saved is not None
    server = endpoint_of(saved.server)
    authority = folder.path / AUTHORITY_FILE
    trusted = authority if authority.exists() else None
    for reach in (_resolve, _connect):
        finding = await asyncio.to_thread(reach, server)
        yield finding
        if not finding.ok:
            return
    if server.secure:
        finding = await asyncio.to_thread(_trust, server, trusted)
        yield finding
        if not finding.ok:
            return
    network = RealNetwork(server, clock, authority=trusted)
    async for finding in _with_server(folder, saved, server, network, clock):
        yield finding


def _at_home(folder: Folder) -> list[Finding]:
    """What can be seen without the network."""
    if not os.access(folder.path, os.R_OK | os.W_OK | os.X_OK):
        there = folder.path.exists()
        told = f"{folder.path} " + ("is not this user's" if there else "is not there")
        mend = "Run this as root." if there else f"Name the agent's folder with --data. {_REGISTER}"
        return [Finding("permissions", False, told, mend)]
    mode = folder.path.stat().st_mode & 0o777
    private = mode & 0o077 == 0
    found = [
        Finding(
            "permissions",
            private,
            f"{folder.path} has mode {mode:o}",
            "" if private else f"Others may read the node's key: chmod 700 {folder.path}",
        )
    ]
    try:
        saved = registration.saved(folder)
    except registration.RegistrationUnreadable as fault:
        return [*found, Finding("registration", False, str(fault), _REGISTER)]
    if saved is None:
        mend = "ostler activations create prints the command that registers a machine."
        return [*found, Finding("registration", False, f"{folder.path} belongs to no node", mend)]
    found.append(Finding("registration", True, f"{saved.node} in {saved.region}, {saved.server}"))
    room = shutil.disk_usage(folder.path).free
    told = f"{room // (1024 * 1024)} MB are free at {folder.path}"
    mend = "" if room >= LEAST_ROOM else "Without room no command is accepted: make some."
    found.append(Finding("disk", room >= LEAST_ROOM, told, mend))
    try:
        folder.claim()
        folder.release()
        found.append(Finding("agent", False, "it does not run", f"Start it: {_RESTART}"))
    except FolderInUse:
        found.append(Finding("agent", True, "it runs"))
    return found


def _resolve(server: Endpoint) -> Finding:
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(server.host, server.port)}
    except OSError as fault:
        mend = f"{server.host} needs an address: look at the DNS server, or at /etc/hosts."
        return Finding("dns", False, f"{server.host}: {fault.strerror or fault}", mend)
    return Finding("dns", True, f"{server.host} is {', '.join(sorted(found))}")


def _connect(server: Endpoint) -> Finding:
    try:
        socket.create_connection((server.host, server.port), timeout=_WITHIN).close()
    except OSError as fault:
        mend = (
            "Is the server running? Does a firewall let this node out to TCP port "
            f"{server.port}? Proxies are not used."
        )
        return Finding("tcp", False, f"{server.authority}: {fault.strerror or fault}", mend)
    return Finding("tcp", True, f"{server.authority} takes connections")


def _trust(server: Endpoint, authority: Path | None) -> Finding:
    by = f"by {authority}" if authority else "by the system's authorities"
    try:
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
        with (
            socket.create_connection((server.host, server.port), timeout=_WITHIN) as plain,
            context.wrap_socket(plain, server_hostname=server.host) as secure,
        ):
            return Finding("tls", True, f"{server.host} is trusted {by}, {secure.version()}")
    except ssl.SSLCertVerificationError as fault:
        return Finding("tls", False, f"{fault.verify_message}, {by}", _mend_trust(fault, server))
    except (OSError, ValueError) as fault:
        return Finding("tls", False, str(fault), f"Is it TLS that listens on {server.authority}?")


def _mend_trust(fault: ssl.SSLCertVerificationError, server: Endpoint) -> str:
    message = fault.verify_message.lower()
    if "expired" in message or "not yet valid" in message:
        return "Look at this machine's clock (date) first, then at the server's certificate."
    if "mismatch" in message or "not valid for" in message:
        return f"Start the server with --name {server.host}, so that its certificate has the name."
    return (
        f"If the server's authority was replaced, bring its ca.pem to this machine's "
        f"{AUTHORITY_FILE} (compare its SHA-256 by another way); if not, somebody is between you."
    )


async def _with_server(
    folder: Folder, saved: Registration, server: Endpoint, network: RealNetwork, clock: Clock
) -> AsyncIterator[Finding]:
    try:
        health = await network.send(Request("GET", "/health"))
    except NetworkFault as fault:
        yield Finding("server", False, str(fault), "Look at the server's log.")
        return
    yield clock_compared(health.headers, clock)
    calls = NodeCalls(network, saved, clock, authority=server.authority)
    try:
        token = await _token(folder, calls, clock)
    except (KeyUnusable, NetworkFault, Refused) as fault:
        yield Finding("credentials", False, str(fault), _mend_credentials(fault))
        return
    yield Finding("credentials", True, f"the server knows {saved.node}")
    yield await _channel(
        Calls(
            network,
            token,
            clock,
            authority=server.authority,
            region=saved.region,
            node=saved.node,
        )
    )
    yield await _version(network, server)


def clock_compared(headers: Mapping[str, str], clock: Clock) -> Finding:
    """This machine's clock beside the one that the headers of an answer tell."""
    date = headers.get("date")
    if date is None:
        return Finding("clock", True, "the server does not say its time")
    skew = abs(clock.now() - parsedate_to_datetime(date).astimezone(UTC))
    well = skew < MOST_SKEW
    mend = "" if well else "Signatures hold for 5 minutes: set this machine's clock (chrony, NTP)."
    return Finding("clock", well, f"{skew.total_seconds():.0f} s away from the server's", mend)


class _Held:
    """Credentials that were asked for once."""

    def __init__(self, token: Token) -> None:
        self._token = token

    async def token(self) -> Token:
        return self._token

    def refused(self, token: Token) -> None:
        """What follows from that is the finding's."""


async def _token(folder: Folder, calls: NodeCalls, clock: Clock) -> _Held:
    keys = Keys(folder, ChildSmith())
    key = keys.current() or keys.next()
    if key is None:
        raise KeyUnusable("There is no key.")
    hardware = LinuxHost(clock).facts().hardware
    fingerprint = present_fingerprint(folder, hardware) or SystemIds().uuid()
    granted = await calls.role_token(key, fingerprint)
    return _Held(Token(granted.access_key_id, granted.secret_access_key, granted.session_token))


def _mend_credentials(fault: Exception) -> str:
    code = fault.code if isinstance(fault, Refused) else ""
    if code == "MachineFingerprintDoesNotMatch":
        return f"This machine is a copy of the one that registered, or was rebuilt. {_REGISTER}"
    if isinstance(fault, KeyUnusable) or code in ("AccessDeniedException", "InvalidInstanceId"):
        return f"The node was deregistered, or its key is another's. {_REGISTER}"
    return "Look at the server's log."


async def _channel(calls: Calls) -> Finding:
    path = control_channel_path(calls.node)
    body = jobs.encode(TokenRequest(SystemIds().uuid()))
    request = Request("POST", path, "", {"content-type": "application/json"}, body)
    try:
        answer = await calls.send(request, service=SERVICE)
    except NetworkFault as fault:
        return Finding("channel", False, str(fault), "Look at the server's log.")
    if answer.status == 201:
        return Finding("channel", True, "the server lets this node have a control channel")
    said = answer.body[:200].decode(errors="replace")
    if "<AccessDeniedException>" in said:
        return Finding("channel", True, "the server has this node poll for its commands")
    return Finding("channel", False, f"{answer.status}: {said}", "Look at the server's log.")


async def _version(network: RealNetwork, server: Endpoint) -> Finding:
    installation = Installation.of_this_program()
    verdict = installation.verdict if installation else None
    if verdict is not None and not verdict.accepted:
        told = f"{VERSION}; {verdict.version} was tried and rolled back: {verdict.why}"
        return Finding("version", False, told, "Look at the agent's log of that time.")
    try:
        answer = await network.send(Request("GET", "/v1/agent/manifest.json"))
        offer = msgspec.json.decode(answer.body, type=Offers).bundles.get(kind_of_machine())
    except (NetworkFault, msgspec.MsgspecError):
        offer = None
    if offer is None or offer.version == VERSION:
        return Finding("version", True, VERSION)
    return Finding(
        "version", True, f"{VERSION}; the server has {offer.version}: AWS-UpdateSSMAgent brings it"
    )
