"""Filter patterns of logs: what fits, what cannot be read, and that none takes long."""

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.grammar.logs import PatternFault, pattern_of

CASES = tomllib.loads((Path(__file__).parents[1] / "cases/logs/patterns.toml").read_text())["case"]
SIGNS = "{}()[]$.=!<>&|\"'*?-% \\ab1ISNULLEXTO"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["pattern"])
def test_a_pattern_fits_the_lines_that_it_should(case):
    if "fault" in case:
        with pytest.raises(PatternFault, match=case["fault"].replace("$", r"\$")):
            pattern_of(case["pattern"])
        return
    fits = pattern_of(case["pattern"])

    assert [] == [line for line in case["fits"] if not fits(line)]
    assert [] == [line for line in case.get("not", []) if fits(line)]


@given(st.text(SIGNS, max_size=60), st.text(max_size=60))
@settings(max_examples=500)
def test_no_text_does_more_than_be_refused(text, line):
    try:
        pattern_of(text)(line)
    except PatternFault:
        return


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ('{ $.a = "' + "*a" * 400 + '" }', '{"a": "' + "a" * 50_000 + 'b"}'),
        ("{ " + "(" * 30 + "$.a = 1" + ")" * 30 + " }", "[" * 50_000),
        ("?" + "a" * 1000, "a" * 999 * 100),
    ],
)
def test_no_pattern_stalls_anybody(pattern, line):
    began = time.perf_counter()
    pattern_of(pattern)(line)

    assert time.perf_counter() - began < 1


def test_brackets_in_brackets_have_a_bound():
    with pytest.raises(PatternFault, match="brackets within"):
        pattern_of("{ " + "(" * 100 + "$.a = 1" + ")" * 100 + " }")
