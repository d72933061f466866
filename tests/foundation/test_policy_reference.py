"""Decisions against a reference: slow, obvious, and written from AWS's description alone."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.foundation.policy import Policy, Question, decide

Statement = Mapping[str, Any]
Document = Mapping[str, Any]
Values = Mapping[str, Sequence[str]]


# The reference: no compiling, no short cuts, one rule of AWS's documentation a function.


def reference(layers: Sequence[Sequence[Document] | None], question: Question) -> bool:
    """Allowed where every layer allows and none denies."""
    there = [layer for layer in layers if layer is not None]
    if any(says(layer, "Deny", question) for layer in there):
        return False
    return all(says(layer, "Allow", question) for layer in there)


def says(layer: Sequence[Document], effect: str, question: Question) -> bool:
    return any(
        statement["Effect"] == effect and applies(statement, question)
        for document in layer
        for statement in document["Statement"]
    )


def applies(statement: Statement, question: Question) -> bool:
    values = {key.lower(): list(each) for key, each in question.context.items()}
    return (
        names(statement, "Action", lambda p: like(p.lower(), question.action.lower(), {}))
        and names(statement, "Resource", lambda p: like_arn(p, question.resource, values))
        and all(
            condition(operator, key, wanted, values)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def names(statement: Statement, element: str, matches: Any) -> bool:
    if element in statement:
        return any(matches(pattern) for pattern in statement[element])
    return not any(matches(pattern) for pattern in statement[f"Not{element}"])


def condition(operator: str, key: str, wanted: Sequence[str], values: Values) -> bool:
    given_values = values.get(key.lower(), [])
    quantifier, _, rest = operator.rpartition(":")
    lenient = rest.endswith("IfExists")
    name = rest.removesuffix("IfExists")
    if name == "Null":
        return (not given_values) == (wanted == ["true"])
    negated = "Not" in name
    if not given_values:
        return lenient or quantifier == "ForAllValues" or (negated and not quantifier)
    one = [any(compare(name, w, value, values) for w in wanted) for value in given_values]
    if quantifier == "ForAllValues":
        return all(each != negated for each in one)
    if quantifier == "ForAnyValue":
        return any(each != negated for each in one)
    return any(one) != negated


def compare(name: str, wanted: str, value: str, values: Values) -> bool:
    match name.replace("Not", ""):
        case "StringEquals":
            return filled(wanted, values) == value
        case "StringEqualsIgnoreCase":
            full = filled(wanted, values)
            return full is not None and full.lower() == value.lower()
        case "StringLike":
            return like(wanted, value, values)
        case "ArnLike" | "ArnEquals":
            return like_arn(wanted, value, values)
        case "NumericLessThan":
            return value.isdigit() and int(value) < int(wanted)
        case "NumericEquals":
            return value.isdigit() and int(value) == int(wanted)
        case "Bool":
            return value.lower() == wanted.lower()
    raise AssertionError(name)


def filled(pattern: str, values: Values) -> str | None:
    """The text with its variables' values, None when one has none or several."""
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        known = values.get(found[1].lower(), [])
        missing = missing or len(known) != 1
        return known[0] if known else ""

    full = re.sub(r"\$\{([^}]+)\}", value, pattern)
    return None if missing else full


def like(pattern: str, text: str, values: Values) -> bool:
    """`*` and `?` are wildcards, but not those that come out of a variable."""
    expression = ""
    for part in re.split(r"(\$\{[^}]+\}|\*|\?)", pattern):
        if part.startswith("${"):
            full = filled(part, values)
            if full is None:
                return False
            expression += re.escape(full)
        else:
            expression += {"*": ".*", "?": "."}.get(part, re.escape(part))
    return re.fullmatch(expression, text, re.DOTALL) is not None


def like_arn(pattern: str, arn: str, values: Values) -> bool:
    """A wildcard stays in its segment; but one that ends a short pattern covers all that follow."""
    if pattern == "*":
        return True
    patterns, segments = pattern.split(":", 5), arn.split(":", 5)
    if len(patterns) < 6 and patterns[-1].endswith("*"):
        patterns += ["*"] * (6 - len(patterns))
    return len(patterns) == len(segments) and all(
        like(p, s, values) for p, s in zip(patterns, segments, strict=True)
    )


# What is asked, out of few words, so that they meet.

WORDS = ["red", "Red", "blue", "r*", "", "5"]
KEYS = ["aws:PrincipalTag/team", "ssm:Overwrite", "aws:username", "aws:TagKeys"]
ACTIONS = ["ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter", "s3:GetObject"]
RESOURCES = [
    "arn:aws:ssm:eu:1:parameter/red/a",
    "arn:aws:ssm:us:1:parameter/blue",
    "arn:aws:ssm:us:1:document/red:x",
    "arn:aws:s3:::red/a",
]
VARIABLE = "${aws:PrincipalTag/team}"
ACTION_PATTERNS = ["*", "ssm:*", "SSM:get*", "ssm:GetParameter", "ssm:GetParameter?", "s3:*Object"]
RESOURCE_PATTERNS = [
    "*",
    "arn:aws:ssm:*",
    "arn:aws:ssm:*:1:parameter/*",
    "arn:aws:ssm:us:*:*/red*",
    f"arn:aws:ssm:*:*:parameter/{VARIABLE}/*",
    f"arn:aws:s3:::{VARIABLE}/?",
    "arn:aws:*:us:1:document/red:x",
]
OPERATORS = [
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLike"),
    *("NumericLessThan", "NumericNotEquals", "NumericEquals"),
]


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    key = draw(st.sampled_from(KEYS))
    if draw(st.integers(0, 5)) == 0:
        return "Null", key, [draw(st.sampled_from(["true", "false"]))]
    name = draw(st.sampled_from(OPERATORS))
    quantifier = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
    suffix = draw(st.sampled_from(["", "", "IfExists"]))
    words = st.sampled_from(["1", "5", "9"] if "Numeric" in name else [*WORDS, VARIABLE, "*e*"])
    return f"{quantifier}{name}{suffix}", key, draw(st.lists(words, min_size=1, max_size=2))


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    several = st.lists(st.sampled_from(ACTION_PATTERNS), min_size=1, max_size=2)
    resources = st.lists(st.sampled_from(RESOURCE_PATTERNS), min_size=1, max_size=2)
    made: dict[str, Any] = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(several),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(resources),
    }
    for operator, key, wanted in draw(st.lists(conditions(), max_size=2)):
        made.setdefault("Condition", {}).setdefault(operator, {})[key] = wanted
    return made


LAYERS = st.lists(
    st.builds(
        lambda listed: {"Version": "2012-10-17", "Statement": listed},
        st.lists(statements(), min_size=1, max_size=3),
    ),
    max_size=3,
)
QUESTIONS = st.builds(
    Question,
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.dictionaries(
        st.sampled_from(KEYS), st.lists(st.sampled_from(WORDS), min_size=1, max_size=2)
    ),
)


@dataclass(frozen=True)
class Somebody:
    policies: Sequence[Policy]
    session: Sequence[Policy] | None
    boundary: Sequence[Policy] | None
    arn: str = "arn:aws:iam::1:role/r"


async def no_tags() -> Mapping[str, str]:
    return {}


@settings(max_examples=200, deadline=None)
@given(LAYERS, st.none() | LAYERS, st.none() | LAYERS, QUESTIONS)
def test_every_decision_is_the_references(
    own: Sequence[Document],
    session: Sequence[Document] | None,
    boundary: Sequence[Document] | None,
    question: Question,
) -> None:
    def read(layer: Sequence[Document] | None) -> Sequence[Policy] | None:
        return None if layer is None else [Policy.parse(document) for document in layer]

    bound = Somebody(read(own) or [], read(session), read(boundary))

    assert reference([own, session, boundary], question) == decided(bound, question)


def decided(bound: Somebody, question: Question) -> bool:
    """What is decided; nothing is waited for where no tag of the resource matters."""
    try:
        decide(bound, question, no_tags).send(None)
    except StopIteration as answer:
        return bool(answer.value.allowed)
    raise AssertionError("somebody waits")
