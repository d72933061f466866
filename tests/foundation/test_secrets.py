"""Secrets: only the right key opens, for the right purpose, and nothing shows by accident."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.foundation.secrets import SealBroken, Sealed, Secrets, master_keys

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(OLD)


@given(plain=st.binary(max_size=100), context=st.text(max_size=20))
def test_what_was_sealed_opens(plain: bytes, context: str) -> None:
    secrets = Secrets(OLD)

    assert plain == secrets.open(secrets.seal(plain, context), context)


def test_a_seal_shows_nothing(secrets: Secrets) -> None:
    sealed = secrets.seal(b"open sesame", "door")

    assert b"sesame" not in sealed.data
    assert "Sealed()" == repr(sealed) == f"{sealed}"
    assert sealed.data != secrets.seal(b"open sesame", "door").data


def test_a_seal_opens_for_its_own_purpose_only(secrets: Secrets) -> None:
    with pytest.raises(SealBroken):
        secrets.open(secrets.seal(b"plain", "parameter/one"), "parameter/two")


def test_another_house_cannot_open_it(secrets: Secrets) -> None:
    with pytest.raises(SealBroken):
        Secrets(NEW).open(secrets.seal(b"plain", ""), "")


def test_no_byte_may_change(secrets: Secrets) -> None:
    data = secrets.seal(b"plain", "").data

    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(SealBroken):
            secrets.open(Sealed(changed), "")
        with pytest.raises(SealBroken):
            secrets.open(Sealed(data[:place]), "")


def test_a_new_master_key_opens_what_the_old_one_sealed(secrets: Secrets) -> None:
    sealed = secrets.seal(b"plain", "x")
    both = Secrets(NEW, [OLD])

    again = both.sealed_again(sealed, "x")

    assert b"plain" == both.open(sealed, "x")
    assert b"plain" == Secrets(NEW).open(again, "x")


def test_a_digest_is_of_one_secret(secrets: Secrets) -> None:
    digest = secrets.hash_secret("token")

    assert secrets.same_secret("token", digest)
    assert not secrets.same_secret("Token", digest)
    assert not Secrets(NEW).same_secret("token", digest)
    assert Secrets(NEW, [OLD]).same_secret("token", digest)
    assert "token" not in digest


@pytest.mark.parametrize("digest", ["", "1", "1::", "2:00:00", "1:zz:é", "::::"])
def test_no_secret_has_a_broken_digest(secrets: Secrets, digest: str) -> None:
    assert not secrets.same_secret("", digest)


def test_each_purpose_has_a_key_of_its_own(secrets: Secrets) -> None:
    keys = {secrets.derive("pages"), secrets.derive("cookies"), Secrets(NEW).derive("pages"), OLD}

    assert 4 == len(keys)
    assert Secrets(OLD).derive("pages") in keys


def test_the_first_start_makes_a_master_key(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys"

    [key] = master_keys(path)

    assert 32 == len(key)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [key] == master_keys(path)
    assert ["keys"] == [each.name for each in path.parent.iterdir()]


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: master_keys(tmp_path / "keys")[0], range(32)))

    assert 1 == len(set(found))


def test_a_new_key_is_put_before_the_older_ones(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    [old] = master_keys(path)
    path.write_bytes(b"ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n" + path.read_bytes())

    assert [NEW, old] == master_keys(path)


@pytest.mark.parametrize("content", [b"", b"not base64!", b"c2hvcnQ="])
def test_a_broken_key_file_is_no_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)

    with pytest.raises(ValueError, match="key"):
        master_keys(path)
