"""Checking: every case of tests/cases/documents says what becomes of its document."""

import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.grammar.documents import (
    PLATFORMS,
    DocumentFault,
    as_json,
    check_command,
    check_package,
    check_session,
    document_of,
    parse,
    platform_types,
    read,
)

CASES = [
    pytest.param(case, id=f"{path.stem}-{case['name']}")
    for path in sorted(Path(__file__).parents[2].joinpath("cases/documents").glob("*.toml"))
    for case in tomllib.loads(path.read_text())["case"]
]


def platforms(content: str, notation: str, kind: str) -> list[str]:
    """The platforms of a document that was checked as one of its type."""
    match kind:
        case "Session":
            check_session(read(content, notation))
            return list(PLATFORMS)
        case "Package":
            return check_package(read(content, notation)).platforms
        case _:
            document = parse(content, notation)
            check_command(document)
            return platform_types(document)


@pytest.mark.parametrize("case", CASES)
def test_a_document_is_accepted_with_its_platforms_or_refused_with_a_reason(case):
    given = case["content"], case.get("format", "YAML"), case.get("type", "Command")
    if "platforms" in case:
        assert case["platforms"] == platforms(*given)
        return
    with pytest.raises(DocumentFault) as refused:
        platforms(*given)
    assert case["message"] == refused.value.message
    assert case.get("code", "InvalidDocumentContent") == refused.value.code


words = st.sampled_from(
    [
        *("schemaVersion", "2.2", "1.2", "parameters", "mainSteps", "runtimeConfig", "action"),
        *("name", "inputs", "aws:runShellScript", "runCommand", "type", "String", "default"),
        *("precondition", "StringEquals", "platformType", "{{ a }}", "a", "allowedPattern", "("),
        *("minItems", "files"),
    ]
)
values = st.recursive(
    words | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)
steps = st.fixed_dictionaries(
    {},
    optional={"action": words | values, "name": words | values, "inputs": values}
    | {"precondition": st.dictionaries(words, values, max_size=2) | values, "settings": values},
)


@given(
    st.fixed_dictionaries(
        {"schemaVersion": st.sampled_from(["2.2", "2.0", "1.2", "1.0"]) | values},
        optional={
            "parameters": st.dictionaries(words, values, max_size=3) | values,
            "mainSteps": st.lists(steps, max_size=3) | values,
            "runtimeConfig": values,
            "sessionType": st.sampled_from(["Port", "InteractiveCommands"]) | values,
            "properties": values,
            "inputs": values,
            "packages": values,
            "files": values,
            "version": words,
        },
    )
    | values
)
def test_no_value_raises_anything_but_a_document_fault(raw):
    with suppress(DocumentFault):
        document = document_of(raw)
        check_command(document)
        platform_types(document)
        as_json(document)
    for check in (check_session, check_package):
        with suppress(DocumentFault):
            check(raw)


def test_agents_get_the_types_that_their_structures_demand():
    """The stock agent reads schemaVersion as a string and allowedValues as strings."""
    content = """
schemaVersion: 2.2
parameters:
  p: {type: String, allowedValues: [true, 1, x], default: x}
mainSteps: [{action: 'aws:runShellScript', name: a, inputs: {runCommand: [date]}}]
"""
    sent = read(as_json(parse(content, "YAML")), "JSON")

    assert "2.2" == sent["schemaVersion"]
    assert ["true", "1", "x"] == sent["parameters"]["p"]["allowedValues"]
