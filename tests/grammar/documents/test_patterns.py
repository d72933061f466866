"""Patterns: Python's own engine is the witness, except that ours always ends."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ostler.grammar.documents.patterns import Effort, PatternFault, compile_pattern

atoms = st.sampled_from(
    ["a", "b", "-", ".", "\\d", "\\w", "[a-c]", "[^a]", "[\\d-]", "^", "$", "\\b", "\\.", "[]x]"]
)
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=500)
@given(patterns, st.text(st.sampled_from("abcx1-. \n"), max_size=10))
def test_patterns_match_what_python_matches(pattern, text):
    # Python's $ also matches before a last newline; Go's does not.
    expected = re.search(pattern.replace("$", r"\Z"), text, re.ASCII) is not None

    assert expected == compile_pattern(pattern).search(text, Effort())


@given(st.text(st.sampled_from("ab()[]{}^$.*+?|\\-:<>=!Pidswpu0123,"), max_size=30))
@example("(?P<")
@example("[[:")
@example("\\x{")
@example("a{99999}")
@example("((((a{1000}){1000}))")
def test_no_pattern_raises_anything_but_a_pattern_fault(pattern):
    try:
        compiled = compile_pattern(pattern)
    except PatternFault:
        return
    compiled.search("ab" * 10, Effort())


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        (r"^i-[a-z0-9]{8,17}$", "i-0123456789abcdef0", "i-0123"),
        (r"^(?i)linux|windows$", "LINUX", "MacOS"),
        (r"^\p{Lu}\p{L}*$", "Ärger", "ärger"),
        (r"^[[:alpha:]]+$", "abc", "ab1"),
        (r"\Qa.b\E", "a.b", "axb"),
        (r"^(?P<name>x)(?:y)$", "xy", "x"),
        (r"(^$)|^https://", "", "http://x"),
        (r"^a{,2}$", "a{,2}", "aa"),
        (r"^[^\"]*$", "safe", 'un"safe'),
        (r"^.$", "x", "\n"),
        (r"(?s)^.$", "\n", ""),
        (r"(?m)^b$", "a\nb", "ab"),
        (r"^\x41\u0042\x{43}$", "ABC", "abc"),
        (r"[^\w\s]", "!", "a b"),
    ],
)
def test_what_go_understands(pattern, fits, fits_not):
    assert compile_pattern(pattern).search(fits, Effort())
    assert not compile_pattern(pattern).search(fits_not, Effort())


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "[a", "a{2,1}", "*", r"(a)\1", "(?=a)", "(?!a)", "(?<=a)", r"\k", r"\p{Nope}"),
        *("[z-a]", "(" * 200 + ")" * 200, "a{1001}", "(a{1000}){1000}", "x" * 5000),
        "a" + "+" * 4000,
    ],
)
def test_what_go_does_not_understand_is_refused(pattern):
    with pytest.raises(PatternFault):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "(.*)*(.*)*x$"])
def test_a_pattern_cannot_be_made_to_run_for_ever(pattern):
    """A backtracking engine needs longer than the universe has existed for this text."""
    assert not compile_pattern(pattern).search("a" * 2000 + "!", Effort())


def test_a_huge_text_for_a_huge_pattern_is_given_up():
    with pytest.raises(PatternFault, match="too long"):
        compile_pattern("(a?){1000}b").search("a" * 60_000, Effort())


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("(?:a?){1000}", ""), ("(?:a?){1000}", "b" * 1000), ("(|a|b|c|d|e|f|g){0,800}", "")],
)
def test_what_matches_at_once_has_its_price(pattern, text):
    """A list of values may be long, and each of them be looked at by thousands of instructions."""
    effort = Effort()
    compiled = compile_pattern(pattern)

    with pytest.raises(PatternFault, match="too long"):
        for _ in range(1000):
            compiled.search(text, effort)


LETTERS = "".join(map(chr, range(0x4E00, 0x4E00 + 4000)))
RANGES = "".join(f"{chr(code)}-{chr(code + 2)}" for code in range(0x4E00, 0x4E00 + 4000, 3))


@pytest.mark.parametrize(
    ("members", "letter"), [(LETTERS, "x"), (LETTERS, LETTERS[-1]), (RANGES, "x")]
)
def test_a_class_costs_what_looking_through_it_costs(members, letter):
    """A minute went by before: every letter of the text asked for every letter of the class."""
    looked = 0

    class Counted(str):
        __slots__ = ()

        def __ge__(self, other: str) -> bool:
            nonlocal looked
            looked += 1
            return super().__ge__(other)

    text = [Counted(letter)] * 500_000
    with pytest.raises(PatternFault, match="too long"):
        compile_pattern(f"[{members}]+!").search(text, Effort())

    assert looked < 400_000


def test_a_long_text_for_a_counted_class_is_cheap():
    """Nearly all patterns that people write look like this one."""
    compiled = compile_pattern("^[a-zA-Z0-9_.-]{1,1000}$")

    assert compiled.search("a" * 1000, Effort(20_000))
    assert not compiled.search("a" * 1001, Effort(20_000))


def test_the_size_of_patterns_counts():
    """Reading hundreds of the largest patterns takes seconds, before any text is matched."""
    effort = Effort()

    with pytest.raises(PatternFault, match="too long"):
        for count in range(900, 1000):
            compile_pattern(f"(?:a{{{count}}}){{20}}", effort)


def test_many_patterns_share_their_effort():
    """A document has room for hundreds of patterns, each of which is just not too much."""
    effort = Effort()
    pattern = compile_pattern("(a?){100}b")

    with pytest.raises(PatternFault, match="too long"):
        for _ in range(100):
            pattern.search("a" * 100, effort)
