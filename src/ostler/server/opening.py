"""Opening: what must be right before the doors open, and words for whoever has to mend it."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ostler import agent
from ostler.foundation.secrets import SealBroken
from ostler.foundation.storage import DatabaseFault, NewerSchema, Storage, sqlite_file
from ostler.server import masters
from ostler.server.settings import Settings


class CannotStart(Exception):
    """Something is not as a server needs it; the text says what, and what to do about it."""


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep other servers from the same SQLite file, until this process ends however it ends.

    They would not hear of each other: a command that one accepts would not reach a node that
    another has the channel of.
    """
    try:
        file = sqlite_file(settings.database_url)
    except ValueError as fault:
        raise CannotStart(f"database: {fault}") from fault
    if file is None:
        yield
        return
    descriptor = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            raise CannotStart(
                f"Another server is running over {file}. Several servers need PostgreSQL "
                "(docs/guides/several-servers.md)."
            ) from fault
        yield
    finally:
        os.close(descriptor)


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Say in our words why the house cannot be put together."""
    try:
        yield
    except SealBroken as fault:
        raise CannotStart(
            f"{masters.place(settings)} has other keys than those that sealed the secrets in the "
            "database. Put the right ones back; backups hold them."
        ) from fault
    except NewerSchema as fault:
        raise CannotStart(
            f"The database was changed by a newer version of Ostler in ways that version "
            f"{agent.VERSION} does not know: {fault}. Start that version again, or restore a "
            "backup from before it (docs/guides/several-servers.md)."
        ) from fault
    except DatabaseFault as fault:
        raise CannotStart(f"The database cannot be used: {fault.orig}") from fault


async def kept_keys(settings: Settings, storage: Storage) -> Sequence[bytes]:
    """The master keys, made at the very first start and never again."""
    settings.data.mkdir(parents=True, exist_ok=True)
    in_file = not settings.master_key.startswith("env:")
    if in_file and not masters.are_there(settings) and await storage.begun():
        raise CannotStart(
            f"{masters.place(settings)} is missing, and without it nobody can read the secrets in "
            "the database. Put the file back: backups hold it, and so does every server over this "
            "database."
        )
    try:
        return masters.read(settings)
    except masters.NoMasterKey as fault:
        raise CannotStart(str(fault)) from fault
