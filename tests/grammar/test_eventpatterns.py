"""Event patterns: AWS's examples, a slow and obvious reference, and that nothing stalls them."""

import itertools
import json
import time
import tomllib
from collections.abc import Iterator
from operator import eq, ge, gt, le, lt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.grammar.eventpatterns import PatternFault, TooCostly, read

CASES = Path(__file__).parent.parent / "cases/eventpatterns"
MATCHING = tomllib.loads((CASES / "matching.toml").read_text())["case"]
FAULTS = tomllib.loads((CASES / "faults.toml").read_text())["fault"]


@pytest.mark.parametrize("case", MATCHING, ids=lambda case: case["pattern"])
def test_a_pattern_means_what_aws_says(case: dict[str, Any]) -> None:
    pattern = read(case["pattern"])

    assert case["fits"] == [each for each in case["fits"] if pattern.matches(json.loads(each))]
    assert [] == [each for each in case["unfit"] if pattern.matches(json.loads(each))]


@pytest.mark.parametrize(("text", "told"), FAULTS)
def test_what_is_no_pattern_is_told_why(text: str, told: str) -> None:
    with pytest.raises(PatternFault) as fault:
        read(text)

    assert told in str(fault.value)


# The reference: of every list in the event one item is picked, in every combination; what is left
# are plain trees, and one of them must have everything that the pattern asks for.

FIELDS = st.sampled_from(["a", "b"])
OTHERS = st.sampled_from(["c", "d"])
TEXTS = st.text("xyX", max_size=4)
NUMBERS = st.sampled_from([-1, 0, 1, 2.5, 3])
SCALARS = st.none() | st.booleans() | TEXTS | NUMBERS
STARRED = (
    st.lists(st.text("xyX", max_size=2), min_size=1, max_size=4)
    .map("*".join)
    .filter(lambda text: "**" not in text)
)
RULES = st.one_of(
    SCALARS,
    st.booleans().map(lambda wanted: {"exists": wanted}),
    TEXTS.map(lambda text: {"prefix": text}),
    TEXTS.map(lambda text: {"suffix": text}),
    TEXTS.map(lambda text: {"equals-ignore-case": text}),
    TEXTS.map(lambda text: {"prefix": {"equals-ignore-case": text}}),
    STARRED.map(lambda text: {"wildcard": text}),
    st.lists(TEXTS, min_size=1, max_size=2).map(lambda texts: {"anything-but": texts}),
    st.lists(NUMBERS, min_size=1, max_size=2).map(lambda numbers: {"anything-but": numbers}),
    STARRED.filter(bool).map(lambda text: {"anything-but": {"wildcard": text}}),
    st.sampled_from([[">", 0], ["<=", 1], ["=", 2.5], [">=", 0, "<", 3]]).map(
        lambda limits: {"numeric": limits}
    ),
)
LEAVES = st.lists(RULES, min_size=1, max_size=3)


def groups(fields: st.SearchStrategy[str], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    inner = LEAVES if depth == 0 else LEAVES | groups(fields, depth - 1)
    return st.dictionaries(fields, inner, min_size=1, max_size=2)


PATTERNS = st.builds(
    lambda plain, either: plain | ({"$or": either} if either else {}),
    groups(FIELDS, 2),
    st.none() | st.lists(groups(OTHERS, 1), min_size=2, max_size=3),
)


def listed(item: st.SearchStrategy[Any], least: int) -> st.SearchStrategy[Any]:
    """An item, or a list of such, or of lists of them: never a mixture."""
    several = st.lists(item, min_size=least, max_size=3)
    return item | several | st.lists(st.lists(item, min_size=1, max_size=2), min_size=1, max_size=2)


def events(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    values = listed(SCALARS, 0)
    inner = values if depth == 0 else values | listed(events(depth - 1), 1)
    return st.dictionaries(FIELDS | OTHERS, inner, max_size=3)


@given(PATTERNS, events(2))
def test_it_agrees_with_the_obvious_reference(pattern: Any, event: Any) -> None:
    assert obviously(pattern, event) == read(json.dumps(pattern)).matches(event)


def obviously(pattern: Any, event: Any) -> bool:
    return any(has_all(pattern, world) for world in worlds(event))


def worlds(node: Any) -> Iterator[Any]:
    match node:
        case []:
            yield {}
        case list():
            for item in node:
                yield from worlds(item)
        case dict():
            for values in itertools.product(*(list(worlds(each)) for each in node.values())):
                yield dict(zip(node, values, strict=True))
        case _:
            yield node


def has_all(pattern: dict[str, Any], tree: Any) -> bool:
    tree = tree if isinstance(tree, dict) else {}
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(has_all(each, tree) for each in wanted):
                return False
        elif isinstance(wanted, dict):
            if not has_all(wanted, tree.get(name, {})):
                return False
        elif not any(passes(rule, tree.get(name, {})) for rule in wanted):
            return False
    return True


def passes(rule: Any, value: Any) -> bool:
    there = not isinstance(value, dict)
    match rule:
        case {"exists": wanted}:
            return there == wanted
        case _ if not there:
            return False
        case {"prefix": {"equals-ignore-case": text}}:
            return isinstance(value, str) and value.lower().startswith(text.lower())
        case {"prefix": text}:
            return isinstance(value, str) and value.startswith(text)
        case {"suffix": text}:
            return isinstance(value, str) and value.endswith(text)
        case {"equals-ignore-case": text}:
            return isinstance(value, str) and value.lower() == text.lower()
        case {"wildcard": text}:
            return isinstance(value, str) and glob(text, value)
        case {"anything-but": {"wildcard": text}}:
            return not (isinstance(value, str) and glob(text, value))
        case {"anything-but": denied}:
            return not any(same(each, value) for each in denied)
        case {"numeric": limits}:
            return is_number(value) and all(
                {
                    "<": value < at,
                    "<=": value <= at,
                    ">": value > at,
                    ">=": value >= at,
                    "=": value == at,
                }[op]
                for op, at in zip(limits[::2], limits[1::2], strict=True)
            )
        case _:
            return same(rule, value)


COMPARED = {"<": lt, "<=": le, ">": gt, ">=": ge, "=": eq}


def glob(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return text[:1] == pattern[0] and glob(pattern[1:], text[1:])


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


# Nothing stalls


def test_a_wildcard_is_matched_in_linear_time() -> None:
    pattern = read(json.dumps({"a": [{"wildcard": "*a" * 500 + "*b"}]}))
    began = time.process_time()

    assert not pattern.matches({"a": "a" * 250_000})
    assert time.process_time() - began < 1


def test_too_much_work_is_given_up() -> None:
    rules = [{"prefix": f"{number}"} for number in range(200)]
    pattern = read(json.dumps({"a": rules}))

    with pytest.raises(TooCostly):
        pattern.matches({"a": ["x"] * 60_000})


def test_depth_is_no_danger() -> None:
    deep = "[" * 100_000
    with pytest.raises(PatternFault):
        read('{"a":' * 60 + "[1]" + "}" * 60)
    with pytest.raises(PatternFault):
        read(f'{{"a": {deep}')
    nested: Any = "x"
    for _ in range(50_000):
        nested = [nested]

    assert read('{"a": ["x"]}').matches({"a": nested})
