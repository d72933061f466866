"""Blobs: what was put is there, whole, under its key, and nowhere else."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ostler.foundation.blobs import BlobNotFound, Blobs

KEYS = [
    "plain",
    "with/folders/in it",
    "/leading",
    "trailing/",
    "double//slash",
    "../../etc/passwd",
    "a/./b/..",
    "..",
    ".",
    "ünïcödé/日本",
    "100%/%2E%2e/%_",
    "%+/x",
    "back\\slash:colon|pipe\0nul\n",
    "x#1",
    "long" * 200 + "/" + "." * 300,
    "é" * 300,
    "i-0123//tmp/.ansible/file",
    "a",
    "a/b",
    "a/b/c",
]


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return Blobs((tmp_path / "blobs").as_uri() if request.param == "folder" else "memory://")


async def test_what_was_put_is_got(blobs: Blobs) -> None:
    await blobs.put("one/two", b"first")
    await blobs.put("one/two", b"second")

    assert b"second" == await blobs.get("one/two")
    assert 6 == await blobs.size("one/two")


async def test_a_range(blobs: Blobs) -> None:
    await blobs.put("digits", b"0123456789")

    assert b"345" == await blobs.get_range("digits", 3, 3)
    assert b"89" == await blobs.get_range("digits", 8, 5)
    assert b"" == await blobs.get_range("digits", 10, 5)
    assert b"" == await blobs.get_range("digits", 12, 5)


async def test_what_is_not_there(blobs: Blobs) -> None:
    for ask in (blobs.get, blobs.size, lambda key: blobs.get_range(key, 0, 1)):
        with pytest.raises(BlobNotFound, match="nothing"):
            await ask("nothing")
    await blobs.delete("nothing")
    assert [] == await blobs.list()


async def test_what_is_deleted_is_gone(blobs: Blobs) -> None:
    await blobs.put("one", b"1")

    await blobs.delete("one")

    with pytest.raises(BlobNotFound):
        await blobs.get("one")


async def test_a_prefix_need_not_end_at_a_folder(blobs: Blobs) -> None:
    for key in ("a/bc/2", "a/b/1", "a/bc/1", "a", "b"):
        await blobs.put(key, b"x")

    assert ["a/b/1", "a/bc/1", "a/bc/2"] == [each.key for each in await blobs.list("a/b")]
    assert ["a/bc/1", "a/bc/2"] == [each.key for each in await blobs.list("a/bc/")]
    assert [("b", 1)] == [(each.key, each.size) for each in await blobs.list("b")]
    assert [] == await blobs.list("c")


async def test_strange_keys_stay_apart(blobs: Blobs) -> None:
    for number, key in enumerate(KEYS):
        await blobs.put(key, str(number).encode())

    assert sorted(KEYS) == [each.key for each in await blobs.list()]
    for number, key in enumerate(KEYS):
        assert str(number).encode() == await blobs.get(key)
        assert key in [each.key for each in await blobs.list(key[: len(key) // 2])]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(key=st.text(min_size=1, max_size=40) | st.text("./%+_e", min_size=1, max_size=12))
@example("/")
@example("./.." * 3)
def test_no_key_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    blobs = Blobs(str(tmp_path / "inner" / "blobs"))

    async def put_and_get() -> None:
        await blobs.put(key, key.encode("utf-8", "replace"))
        assert [key] == [each.key for each in await blobs.list()]
        await blobs.delete(key)

    asyncio.run(put_and_get())

    assert ["inner"] == [each.name for each in tmp_path.iterdir()]
    assert ["blobs"] == [each.name for each in (tmp_path / "inner").iterdir()]
    assert [] == list((tmp_path / "inner" / "blobs").iterdir())


async def test_a_draft_is_no_blob(tmp_path: Path) -> None:
    """What a process that was killed left half written is neither listed nor in the way."""
    blobs = Blobs(str(tmp_path))
    await blobs.put("folder/one", b"1")
    (tmp_path / "folder" / "0123456789abcdef").write_bytes(b"half")

    assert ["folder/one"] == [each.key for each in await blobs.list()]


async def test_a_put_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs(str(tmp_path))
    await blobs.put("one", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        await blobs.put("one", b"new")

    assert b"old" == await blobs.get("one")
    assert ["one%"] == [each.name for each in tmp_path.iterdir()]


async def test_many_at_once(blobs: Blobs) -> None:
    await asyncio.gather(*(blobs.put(f"folder{n % 5}/{n}", b"x" * n) for n in range(100)))

    assert sorted(range(100)) == sorted(each.size for each in await blobs.list())
