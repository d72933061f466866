"""Event inputs: paths and templates as EventBridge's targets have them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.grammar.eventinputs import InputFault, read_path, read_template

EVENT = {
    "id": "1",
    "detail": {"state": 'he said "go"', "codes": [1, 2], "deep": {"a b": True}, "text": "line"},
    "resources": [{"arn": "x"}, {"arn": "y"}, {}],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", EVENT),
        ("$.detail.codes", [1, 2]),
        ("$.detail.codes[1]", 2),
        ("$.detail.codes[2]", None),
        ("$.detail.deep['a b']", True),
        ('$["detail"]["deep"]', {"a b": True}),
        ("$.resources[*].arn", ["x", "y"]),
        ("$.id.more", None),
        ("$.detail[0]", None),
    ],
)
def test_a_path_leads_into_the_event(path: str, found: object) -> None:
    assert found == read_path(path).find(EVENT)


@pytest.mark.parametrize("path", ["", "detail", "$detail", "$.", "$..a", "$[x]", "$.a b", "$['']"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InputFault):
        read_path(path)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            '{"commands": ["echo <text>", <text>, <codes>]}',
            '{"commands": ["echo line", "line", [1,2]]}',
        ),
        ('"It is <state>, <deep>"', r'"It is he said \"go\", {\"a b\":true}"'),
        ("It is <state>: <codes>", 'It is he said "go": [1,2]'),
        ('{"a": <none>, "b": "<none>"}', '{"a": "", "b": ""}'),
        ("<aws.events.rule-name>", "r"),
        (r'{"a": "quote \" <text>"}', r'{"a": "quote \" line"}'),
    ],
)
def test_a_template_is_filled(template: str, text: str) -> None:
    paths = {name: f"$.detail.{name}" for name in ("state", "codes", "deep", "text", "none")}
    known = {"aws.events.rule-name": "r"}

    assert text == read_template(paths, template, list(known)).fill(EVENT, known)


@given(st.text(), st.booleans())
def test_whatever_is_put_into_json_leaves_it_json(text: str, quoted: bool) -> None:
    template = '{"a": "<x>", "b": 1}' if quoted else '{"a": <x>, "b": 1}'

    filled = read_template({"x": "$.x"}, template).fill({"x": text}, {})

    assert {"a": text, "b": 1} == json.loads(filled)


@pytest.mark.parametrize(
    ("paths", "template"),
    [
        ({}, "<x>"),
        ({"AWSx": "$.a"}, "x"),
        ({"x": "a"}, "<x>"),
        ({f"n{i}": "$" for i in range(101)}, ""),
    ],
)
def test_what_leads_nowhere_is_refused(paths: dict[str, str], template: str) -> None:
    with pytest.raises(InputFault):
        read_template(paths, template)
