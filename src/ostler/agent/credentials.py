"""The node's credentials of the hour: asked for, renewed at half their life, shared with steps."""

import asyncio
import logging
from datetime import datetime, timedelta

from ostler.agent.calls import Refused, Token
from ostler.agent.folder import Folder
from ostler.agent.keys import Keys, KeyUnusable
from ostler.agent.network import NetworkFault
from ostler.agent.registration import NodeCalls, RoleToken
from ostler.agent.retries import Retries
from ostler.agent.waiting import first
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids

SHARED_FILE = "credentials"
"""An INI file as AWS's clients read it, for the programs that steps start."""
SHORTEST = timedelta(seconds=30)

_ANOTHER_MACHINE = "MachineFingerprintDoesNotMatch"

log = logging.getLogger(__name__)


class NodeCredentials:
    """Keeps good credentials at hand as long as it runs."""

    def __init__(
        self,
        calls: NodeCalls,
        keys: Keys,
        folder: Folder,
        clock: Clock,
        ids: Ids,
        *,
        fingerprint: str,
    ) -> None:
        self._calls = calls
        self._keys = keys
        self._folder = folder
        self._clock = clock
        self._retries = Retries(ids)
        self._fingerprint = fingerprint
        self._token: Token | None = None
        self._expires: datetime | None = None
        self._there = asyncio.Event()
        self._wanted = asyncio.Event()

    async def token(self) -> Token:
        await self._there.wait()
        assert self._token is not None
        return self._token

    def refused(self, token: Token) -> None:
        if token == self._token:
            self._wanted.set()

    async def run(self) -> None:
        """Renew the credentials, for ever."""
        while True:
            try:
                granted = await self._ask()
            except (Refused, NetworkFault, KeyUnusable) as fault:
                wait = self._retries.next()
                if isinstance(fault, Refused) and fault.code == _ANOTHER_MACHINE:
                    log.error(
                        "not_this_machine because=%s mend=this machine is a copy of the node: "
                        "ostler-agent register --force with a new activation",
                        fault,
                    )
                seconds = wait.total_seconds()
                log.warning("credentials_refused because=%s retry_in=%.0f", fault, seconds)
                await self._clock.sleep(wait)
                continue
            self._retries.reset()
            self._use(granted)
            if granted.update_key_pair:
                await self._replace_key()
            await self._until_half_life(granted)

    async def _ask(self) -> RoleToken:
        """Ask with the key in use and, should the server not know it, with the one to come."""
        current, coming = self._keys.current(), self._keys.next()
        if current is not None:
            try:
                return await self._calls.role_token(current, self._fingerprint)
            except Refused:
                if coming is None:
                    raise
        if coming is None:
            raise KeyUnusable("There is no key.")
        granted = await self._calls.role_token(coming, self._fingerprint)
        self._keys.promote()
        log.info("key_replaced after=an answer that was lost")
        return granted

    async def _replace_key(self) -> None:
        try:
            coming, current = await self._keys.prepare(), self._keys.current()
            assert current is not None
            await self._calls.replace_key(current, coming)
            self._keys.promote()
        except (Refused, NetworkFault, KeyUnusable, OSError) as fault:
            # Both keys stay: the next request for credentials shows which one counts.
            log.warning("key_not_replaced because=%s", fault)
            return
        log.info("key_replaced")

    def _use(self, granted: RoleToken) -> None:
        self._token = Token(granted.access_key_id, granted.secret_access_key, granted.session_token)
        self._wanted.clear()
        self._there.set()
        try:
            self._folder.write(SHARED_FILE, _shared(granted))
        except OSError as fault:
            log.warning("credentials_not_shared because=%s", fault)

    async def _until_half_life(self, granted: RoleToken) -> None:
        life = granted.expires - self._clock.now()
        await self._clock.sleep(SHORTEST)
        rest = max(life / 2 - SHORTEST, timedelta(0))
        await first(self._wanted.wait(), self._clock.sleep(rest))


def _shared(granted: RoleToken) -> bytes:
    return (
        "[default]\n"
        f"aws_access_key_id = {granted.access_key_id}\n"
        f"aws_secret_access_key = {granted.secret_access_key}\n"
        f"aws_session_token = {granted.session_token}\n"
    ).encode()
