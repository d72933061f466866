"""`ostler-server admin`: accounts, users, roles, policies, keys and the audit log, straight in
the database."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from ostler.capabilities import identity
from ostler.capabilities.identity import Directory
from ostler.foundation import audit
from ostler.foundation.audit import Audit
from ostler.foundation.blobs import Blobs
from ostler.foundation.call import Call
from ostler.foundation.capability import Foundation
from ostler.foundation.clock import SystemClock
from ostler.foundation.errors import ApiError
from ostler.foundation.events import Bulletin
from ostler.foundation.ids import AccountId, Region, SystemIds
from ostler.foundation.storage import Scope, Storage
from ostler.foundation.timers import Schedule
from ostler.server import masters
from ostler.server.admin.deeds import Answer, Desk
from ostler.server.admin.grammar import Verb, own_arguments, parser
from ostler.server.admin.output import as_json, as_table
from ostler.server.admin.recording import recorded
from ostler.server.opening import CannotStart, explained
from ostler.server.settings import Settings, WrongSetting, read_settings


class NothingThere(Exception):
    """What was named on the command line does not exist."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 when it was done, 1 when it was refused."""
    given = parser().parse_args(arguments)
    try:
        settings = read_settings(os.environ, given.config, data=given.data, database=given.database)
        with explained(settings):
            answer = asyncio.run(_run(settings, given))
    except ApiError as refusal:
        return _complain(f"{refusal.code}: {refusal.message}")
    except (WrongSetting, NothingThere, CannotStart, OSError) as fault:
        return _complain(str(fault))
    if answer is not None:
        sys.stdout.write(as_json(answer) if given.json else as_table(answer))
    return 0


async def _run(settings: Settings, given: Namespace) -> Answer:
    # With another master key than the server's, new secrets would be sealed for nobody.
    if not masters.are_there(settings):
        raise NothingThere(
            f"No server keeps its keys in {settings.data}. Name the server's folder with --data, "
            "or start the server there once."
        )
    clock, ids = SystemClock(), SystemIds()
    storage = Storage(settings.database_url, outbox=Bulletin(clock), due_work=Schedule())
    try:
        secrets = masters.secrets_of(settings)
        foundation = Foundation(storage, clock, ids, Blobs("memory://"), secrets)
        known = identity.build(foundation)
        directory: Directory = known.service.directory
        await storage.migrate([*known.migrations, *audit.MIGRATIONS])
        account = await _account(directory, given.account or settings.account)
        scope = Scope(account, Region(settings.region))
        verb: Verb = given.verb
        call = Call(scope, identity.root(account), ids.uuid(), f"admin:{given.words}", clock.now())
        desk = Desk(storage, directory, call, given)
        if not verb.changes:
            return await verb.deed(desk)
        async with recorded(Audit(storage, clock), call, own_arguments(given)) as witness:
            call.scope = Scope(account, scope.region, witness)
            return await verb.deed(desk)
    finally:
        storage.close()


async def _account(directory: Directory, wanted: str) -> AccountId:
    """The account of this id or name; the oldest one when none is wanted."""
    there = await directory.accounts.list()
    meant = [account.id for account in there if wanted in ("", account.id, account.name)]
    if wanted and not meant:
        raise NothingThere(f"There is no account {wanted}.")
    if wanted and len(meant) > 1:
        raise NothingThere(
            f"{len(meant)} accounts are called {wanted}; name one by its id: {', '.join(meant)}."
        )
    return meant[0] if meant else AccountId("")


def _complain(text: str) -> int:
    sys.stderr.write(f"ostler-server admin: {text}\n")
    return 1
