"""Versions, beside dpkg and rpm themselves."""

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ostler.grammar.patches import compare_debian, compare_rpm

PIECES = st.sampled_from(
    ["0", "1", "2", "10", "007", "3", ".", "+", "~", "a", "b", "rc", "beta", "ubuntu", "deb12u"]
)
UPSTREAM = st.lists(PIECES, min_size=1, max_size=6).map(lambda parts: "1" + "".join(parts))
EPOCH = st.sampled_from(["", "0:", "1:", "2:"])
REVISION = st.sampled_from(["", "-1", "-2", "-1~bpo12", "-1+b1", "-0ubuntu3", "-10.el9"])
VERSIONS = st.builds(lambda epoch, body, tail: epoch + body + tail, EPOCH, UPSTREAM, REVISION)
WORDS = {-1: "lt", 0: "eq", 1: "gt"}


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


@settings(max_examples=150, deadline=None)
@given(VERSIONS, VERSIONS)
@example("1.0~rc1", "1.0")
@example("1.0-1~bpo12", "1.0-1")
@example("2:1.0", "1:9.9")
@example("1.0a", "1.0+")
def test_the_order_is_dpkgs(left: str, right: str) -> None:
    word = WORDS[sign(compare_debian(left, right))]

    ended = subprocess.run(["dpkg", "--compare-versions", left, word, right], check=False)

    assert 0 == ended.returncode, f"{left} {word} {right}"


RPM_PIECES = st.sampled_from(
    ["0", "1", "2", "10", "007", ".", "_", "~", "^", "a", "b", "rc", "git20260101", "el"]
)
RPM_VERSIONS = st.lists(RPM_PIECES, min_size=1, max_size=7).map("".join)


def rpm_says(pairs: list[tuple[str, str]]) -> list[int]:
    """What rpm's own comparison says of them, all in one run."""
    script = "".join(f'print(rpm.vercmp("{left}", "{right}"), "\\n")' for left, right in pairs)
    told = subprocess.run(
        ["rpm", "--eval", "%{lua: " + script + "}"], check=True, capture_output=True, text=True
    )
    return [int(number) for number in told.stdout.split()]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(RPM_VERSIONS, RPM_VERSIONS), min_size=20, max_size=60))
def test_the_order_is_rpms(pairs: list[tuple[str, str]]) -> None:
    said = [sign(compare_rpm(left, right)) for left, right in pairs]

    assert [sign(number) for number in rpm_says(pairs)] == said


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("3.0.14", "3.0.15"),
        ("1.0~beta", "1.0"),
        ("1.0", "1.0^20260101"),
        ("1.0^20260101", "1.0.1"),
        ("9.9", "1:1.0"),
        ("1.1.1k-7.el8", "1.1.1k-12.el8"),
        ("1.a", "1.1"),
    ],
)
def test_rpms_order_by_example(older: str, newer: str) -> None:
    assert (-1, 1) == (sign(compare_rpm(older, newer)), sign(compare_rpm(newer, older)))


@pytest.mark.parametrize("compare", [compare_debian, compare_rpm])
@given(left=st.text(max_size=20), right=st.text(max_size=20))
def test_whatever_the_texts_are_there_is_one_answer(compare, left: str, right: str) -> None:
    assert sign(compare(left, right)) == -sign(compare(right, left))


@pytest.mark.parametrize("compare", [compare_debian, compare_rpm])
def test_numbers_may_have_any_length(compare) -> None:
    assert compare("1." + "9" * 10_000, "2") < 0 < compare("1" + "0" * 10_000, "9" * 10_000)
