"""What a careless or unlucky operator is told, and that nothing is made worse meanwhile."""

from pathlib import Path

import pytest

from ostler.foundation.clock import SystemClock
from ostler.foundation.events import Bulletin
from ostler.foundation.secrets import master_keys
from ostler.foundation.storage import Migration, Storage
from ostler.foundation.timers import Schedule
from ostler.server.certificates import Certificates
from ostler.server.compose import compose
from ostler.server.opening import CannotStart, alone, explained
from ostler.server.settings import Settings, WrongSetting


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


async def start(settings: Settings) -> None:
    with alone(settings), explained(settings):
        house = await compose(settings)
        house.storage.close()


async def test_lost_keys_are_asked_for_and_not_made_anew(settings: Settings) -> None:
    """New ones would read nothing, and stand where the right file has to go."""
    await start(settings)
    keys = settings.data / "keys"
    kept = keys.rename(settings.data / "backup")

    with pytest.raises(CannotStart, match="keys is missing"):
        await start(settings)
    assert not keys.exists()

    kept.rename(keys)
    await start(settings)


async def test_other_keys_are_noticed(settings: Settings) -> None:
    await start(settings)
    keys = settings.data / "keys"
    keys.unlink()
    master_keys(keys)

    with pytest.raises(CannotStart, match="has other keys than those"):
        await start(settings)

    keys.write_text("not a key\n")
    with pytest.raises(CannotStart, match="holds something else than keys"):
        await start(settings)


async def test_a_database_that_is_none_is_said_to_be_none(settings: Settings) -> None:
    (settings.data / "ostler.db").write_text("something else\n" * 100)

    with pytest.raises(CannotStart, match="database cannot be used: file is not a database"):
        await start(settings)


@pytest.mark.parametrize(
    ("database", "complaint"),
    [
        ("somewhere", "database: that is not the URL of a database"),
        ("mysql://here/ostler", "database: mysql is neither sqlite nor postgresql"),
    ],
)
async def test_a_database_of_no_known_kind(tmp_path: Path, database: str, complaint: str) -> None:
    with pytest.raises(CannotStart, match=complaint):
        await start(Settings(data=tmp_path, database=database))


def test_a_sqlite_file_has_one_server(settings: Settings, tmp_path: Path) -> None:
    """Two would not hear of each other, and each keep from its nodes what the other accepted."""
    elsewhere = Settings(data=tmp_path / "other", database=settings.database_url)

    with alone(settings), pytest.raises(CannotStart, match="Another server"), alone(elsewhere):
        pass

    with alone(elsewhere):
        pass


def test_several_servers_share_a_postgresql(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, database="postgresql+psycopg://here/ostler")

    with alone(settings), alone(settings):
        pass


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
def test_a_broken_authority_is_not_replaced(settings: Settings, name: str) -> None:
    """Every agent trusts the one that was: it is worth looking for a backup."""
    Certificates.of(settings, names=list)
    file = settings.data / "tls" / name
    file.write_text("broken")

    with pytest.raises(WrongSetting, match="an authority that cannot be read"):
        Certificates.of(settings, names=list)

    assert "broken" == file.read_text()


async def test_an_older_server_leaves_what_a_newer_one_changed(settings: Settings) -> None:
    await start(settings)
    newer = Storage(settings.database_url, outbox=Bulletin(SystemClock()), due_work=Schedule())
    step = Migration("tags", 99, "forget the tags", lambda op: None, contracts=True)
    await newer.migrate(
        [*(Migration("tags", number, "", lambda op: None) for number in range(1, 99)), step]
    )
    newer.close()

    with pytest.raises(CannotStart, match=r"newer version .* tags 99 \(forget the tags\)"):
        await start(settings)
