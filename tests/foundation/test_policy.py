"""Policies: cases as data, and what must hold whatever the policies say."""

import asyncio
import json
import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.foundation.policy import Kind, Policy, PolicyFault, Question, decide, trusts
from ostler.foundation.policy.patterns import arn_test, parts_of, text_test

CASES = Path(__file__).parents[1] / "cases" / "policies"


def load(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


DECISIONS = [
    pytest.param(case, asked, id=f"{path.stem}: {asked['says']}")
    for path in sorted((CASES / "decisions").glob("*.toml"))
    for case in [load(path)]
    for asked in case["asks"]
]
TRUSTS = [
    pytest.param(case["policy"], asked, id=asked["says"])
    for case in load(CASES / "trust.toml")["policies"]
    for asked in case["asks"]
]


@dataclass(frozen=True)
class Somebody:
    policies: list[Policy]
    session: list[Policy] | None = None
    boundary: list[Policy] | None = None
    arn: str = "arn:aws:iam::111122223333:user/somebody"


def decided(somebody: Somebody, question: Question, tags: dict[str, str] | None = None):
    async def tags_of():
        return tags or {}

    return asyncio.run(decide(somebody, question, tags_of))


def one(action: str, *, effect: str = "Allow", **elements: Any) -> Policy:
    statement = {"Effect": effect, "Action": action, "Resource": "*", **elements}
    return Policy.parse({"Version": "2012-10-17", "Statement": statement})


@pytest.mark.parametrize(("case", "asked"), DECISIONS)
def test_a_decision(case: dict[str, Any], asked: dict[str, Any]) -> None:
    layers = {
        layer: [Policy.parse(case[layer])] if layer in case else None
        for layer in ("session", "boundary")
    }
    arn = case.get("arn", Somebody.arn)
    somebody = Somebody([Policy.parse(case["policy"])], **layers, arn=arn)
    question = Question(asked["action"], asked["resource"], asked.get("context", {}))

    decision = decided(somebody, question, asked.get("tags"))

    assert asked["allowed"] == decision.allowed
    assert asked.get("because", decision.because) == decision.because
    assert asked.get("statement", decision.statement) == decision.statement


@pytest.mark.parametrize(
    ("operator", "values", "given_values", "holds"), load(CASES / "operators.toml")["cases"]
)
def test_an_operator(
    operator: str, values: list[str], given_values: list[str], holds: bool
) -> None:
    policy = one("ssm:X", Condition={operator: {"aws:Key": values}})
    context = {"aws:key": given_values} if given_values else {}

    assert holds == decided(Somebody([policy]), Question("ssm:X", "*", context)).allowed


@pytest.mark.parametrize(("document", "sentence"), load(CASES / "faults.toml")["cases"])
def test_a_malformed_policy(document: str, sentence: str) -> None:
    with pytest.raises(PolicyFault) as fault:
        Policy.parse(document)

    assert sentence == str(fault.value)


@pytest.mark.parametrize(("document", "asked"), TRUSTS)
def test_a_trust_policy(document: str, asked: dict[str, Any]) -> None:
    policy = Policy.parse(document, kind=Kind.TRUST)
    question = Question(
        "sts:AssumeRole", "arn:aws:iam::111122223333:role/R", asked.get("context", {})
    )

    decision = trusts(policy, question, asked["names"])

    assert ("statement" in asked) == decision.allowed
    assert asked.get("denied", False) == ("explicit deny" in decision.because)
    assert asked.get("statement", decision.statement) == decision.statement


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Robot": "x"}},
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": "arn:aws:iam::1:user/*"},
        },
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*", "Resource": "*"},
    ],
)
def test_a_malformed_trust_policy(statement: dict[str, Any]) -> None:
    with pytest.raises(PolicyFault):
        Policy.parse({"Statement": statement}, kind=Kind.TRUST)


def test_a_policy_has_a_size() -> None:
    """White space does not count."""
    document = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'

    Policy.parse(document + " " * 20_000)
    with pytest.raises(PolicyFault):
        Policy.parse(document, most=50)


@pytest.mark.parametrize("document", ["[" * 10_000, '{"a":' * 2_000, "1" * 5_000, "\x00", "NaN"])
def test_what_strains_the_reader_is_a_fault(document: str) -> None:
    with pytest.raises(PolicyFault):
        Policy.parse(document)


def test_tags_are_asked_for_only_when_they_matter() -> None:
    """A look-up costs; most decisions need none."""
    asked = []

    async def tags_of():
        asked.append(1)
        return {"env": "test"}

    by_tag = {"StringEquals": {"aws:ResourceTag/env": "test"}}
    somebody = Somebody([one("ssm:A"), one("ssm:B", Condition=by_tag)])

    async def ask(action: str) -> bool:
        return (await decide(somebody, Question(action, "*", {}), tags_of)).allowed

    assert asyncio.run(ask("ssm:A"))
    assert [] == asked
    assert asyncio.run(ask("ssm:B"))
    assert [1] == asked


def test_a_star_storm_is_answered_at_once() -> None:
    """A pattern that makes backtracking matchers run for ever."""
    pattern = text_test(parts_of("*a" * 200 + "*b", variables=False))

    assert not pattern("a" * 2000)


def test_a_session_is_named_without_being_a_user() -> None:
    policy = one("ssm:X", Condition={"StringEquals": {"aws:PrincipalType": "AssumedRole"}})
    session = Somebody([policy], arn="arn:aws:sts::111122223333:assumed-role/R/s")

    assert decided(session, Question("ssm:X", "*", {})).allowed


# What must hold whatever the policies say.

ACTIONS = st.sampled_from(["ssm:GetA", "ssm:GetB", "ssm:PutA", "s3:GetA"])
ACTION_PATTERNS = st.sampled_from(["*", "ssm:*", "ssm:Get*", "ssm:?etA", "s3:GetA", "SSM:puta"])
ARNS = st.sampled_from([f"arn:aws:ssm:{r}:1:x/{n}" for r in "ab" for n in "pq"])
ARN_PATTERNS = st.sampled_from(
    ["*", "arn:aws:ssm:a:1:x/p", "arn:aws:ssm:*:1:x/q", "arn:aws:ssm:b:*", "arn:aws:ssm:a:1:x/*"]
)
STATEMENTS = st.builds(
    lambda effect, action, resource, negated: {
        "Effect": effect,
        "NotAction" if negated else "Action": action,
        "Resource": resource,
    },
    st.sampled_from(["Allow", "Deny"]),
    ACTION_PATTERNS,
    ARN_PATTERNS,
    st.booleans(),
)
POLICIES = st.lists(
    st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda s: Policy.parse({"Statement": s})),
    max_size=3,
)
QUESTIONS = st.builds(lambda action, arn: Question(action, arn, {}), ACTIONS, ARNS)


@settings(max_examples=150, deadline=None)
@given(POLICIES, POLICIES, POLICIES, QUESTIONS)
def test_every_layer_must_allow(
    own: list[Policy], session: list[Policy], boundary: list[Policy], question: Question
) -> None:
    together = decided(Somebody(own, session, boundary), question).allowed

    assert all(
        decided(Somebody(layer), question).allowed for layer in (own, session, boundary)
    ) == (together)


@settings(max_examples=150, deadline=None)
@given(POLICIES, QUESTIONS)
def test_a_deny_is_final(own: list[Policy], question: Question) -> None:
    denial = one(question.action, effect="Deny")

    assert not decided(Somebody([*own, denial]), question).allowed


@settings(max_examples=100, deadline=None)
@given(POLICIES, QUESTIONS)
def test_an_allow_takes_nothing_away(own: list[Policy], question: Question) -> None:
    before = decided(Somebody(own), question).allowed

    assert decided(Somebody([*own, one("ssm:Get*")]), question).allowed or not before


@settings(max_examples=300, deadline=None)
@given(st.text("ab*?:", max_size=12), st.text("ab:\n", max_size=12))
def test_patterns_agree_with_their_definition(pattern: str, text: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    expected = re.fullmatch(expression, text, re.DOTALL) is not None

    assert expected == text_test(parts_of(pattern, variables=False))(text)


SEGMENT = st.text("ab*?", max_size=3)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(SEGMENT, min_size=6, max_size=6),
    st.lists(st.text("ab", max_size=3), min_size=6, max_size=7),
)
def test_an_arn_agrees_segment_by_segment(pattern: list[str], arn: list[str]) -> None:
    arn = [*arn[:5], ":".join(arn[5:])]
    expected = all(
        text_test(parts_of(p, variables=False))(a) for p, a in zip(pattern, arn, strict=True)
    )

    assert expected == arn_test(parts_of(":".join(pattern), variables=False))(":".join(arn))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Version",
                    "Statement",
                    "Effect",
                    "Action",
                    "Resource",
                    "Condition",
                    "StringLike",
                    "Sid",
                ]
            ),
            inner | st.sampled_from(["2012-10-17", "Allow", "*", "ssm:*", "${aws:x}"]),
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON.map(json.dumps) | st.text(max_size=50))
def test_whatever_is_no_policy_is_a_fault(document: str) -> None:
    with suppress(PolicyFault):
        Policy.parse(document)
