"""Master keys: from a file, from the environment, and sealed by the KMS of another server."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler.server import masters
from ostler.server.compose import compose
from ostler.server.opening import CannotStart, explained
from ostler.server.settings import Settings, WrongSetting, read_settings
from tests.support.processes import ServerProcess

KEY, OLDER = b"k" * 32, b"o" * 32


def written(*keys: bytes) -> str:
    return " ".join(base64.b64encode(key).decode() for key in keys)


async def start(settings: Settings) -> None:
    with explained(settings):
        house = await compose(settings)
        house.storage.close()


async def test_the_environment_may_hold_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path, master_key="env:MASTER")
    with pytest.raises(CannotStart, match=r"The variable MASTER.*is not set"):
        await start(settings)

    monkeypatch.setenv("MASTER", written(KEY))
    await start(settings)
    assert not (tmp_path / "keys").exists()
    monkeypatch.setenv("MASTER", written(OLDER, KEY))
    assert [OLDER, KEY] == list(masters.read(settings))
    await start(settings)
    monkeypatch.setenv("MASTER", written(OLDER))
    with pytest.raises(CannotStart, match="the variable MASTER has other keys than those"):
        await start(settings)
    monkeypatch.setenv("MASTER", "nonsense")
    with pytest.raises(CannotStart, match="holds something else than keys"):
        await start(settings)


def test_there_are_no_other_sources() -> None:
    with pytest.raises(WrongSetting, match="master_key is empty, env:NAME or kms:KEY"):
        read_settings({"OSTLER_MASTER_KEY": "vault"})


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Another server, which has the KMS."""
    running = ServerProcess(Path(tmp_path_factory.mktemp("elsewhere")) / "data").start()
    yield running
    running.stop()


@pytest.fixture
def settings(elsewhere: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in elsewhere.environment.items():
        monkeypatch.setenv(name, value)
    key = elsewhere.client("kms").create_key()["KeyMetadata"]["KeyId"]
    endpoint = elsewhere.environment["AWS_ENDPOINT_URL"]
    return Settings(data=tmp_path, master_key=f"kms:{key}", master_key_endpoint=endpoint)


async def test_a_kms_opens_the_file_of_keys(elsewhere: ServerProcess, settings: Settings) -> None:
    await start(settings)
    [key] = masters.read(settings)
    kept = (settings.data / "keys").read_bytes()
    assert kept.startswith(b"kms:")
    assert base64.b64encode(key) not in kept

    kms, key_id = elsewhere.client("kms"), settings.master_key.removeprefix("kms:")
    kms.disable_key(KeyId=key_id)
    with pytest.raises(CannotStart, match=r"KMS does not open.*is disabled.*Nothing is lost"):
        await start(settings)
    kms.enable_key(KeyId=key_id)
    await start(settings)
    assert [key] == list(masters.read(settings))


async def test_keys_that_lay_open_are_sealed(settings: Settings) -> None:
    """Who moves to a KMS keeps the keys, and what they have sealed."""
    plain = Settings(data=settings.data)
    await start(plain)
    [key] = masters.read(plain)

    await start(settings)

    assert [key] == list(masters.read(settings))
    assert base64.b64encode(key) not in (settings.data / "keys").read_bytes()
    with pytest.raises(CannotStart, match="holds something else than keys"):
        await start(plain)
