"""Interpolation: one pass, by the agents' rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.grammar.documents import (
    StoredReference,
    environment_of,
    inputs_of,
    interpolate,
    parse,
    rebind,
    references,
    stored_references,
)

VALUES = {"name": "web", "commands": ["a", "b"], "count": 3, "flag": True, "map": {"k": "v"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ name }}", "web"),
        ("{{name}}", "web"),
        ("{{\tname\n}}", "web"),
        ("{{ commands }}", ["a", "b"]),
        ("{{ count }}", 3),
        ("{{ flag }}", True),
        ("run {{ commands }}", 'run ["a","b"]'),
        ("n={{count}} f={{ flag }} m={{ map }}", 'n=3 f=true m={"k":"v"}'),
        (" {{ name }}", " web"),
        ("{{ other }}", "{{ other }}"),
        ("{{ my_name }}", "{{ my_name }}"),
        ("{{ ssm:name }}", "{{ ssm:name }}"),
        ("{{ .Name }}", "{{ .Name }}"),
        ("{ { name } }", "{ { name } }"),
        ("{{{ name }}}", "{web}"),
        ("{{ name }}{{ name }}", "webweb"),
    ],
)
def test_placeholders(text, expected):
    assert expected == interpolate(text, VALUES)


def test_what_a_value_brings_with_it_is_not_looked_at_again():
    values = {"a": "{{ b }}", "b": "secret"}

    assert "x {{ b }} secret" == interpolate("x {{ a }} {{ b }}", values)
    assert "{{ b }}" == interpolate("{{ a }}", values)


def test_two_dollars_are_one_inside_a_text_and_two_as_a_whole():
    assert "cost $1" == interpolate("cost {{ a }}", {"a": "$$1"})
    assert "$$1" == interpolate("{{ a }}", {"a": "$$1"})
    assert "keep $$ {{ b }}" == interpolate("keep $$ {{ b }}", {"a": "$$1"})


def test_lists_and_maps_are_gone_through_and_keys_are_not():
    inputs = {"runCommand": ["{{ commands }}", "echo {{ name }}"], "{{ name }}": 1}

    assert {"runCommand": [["a", "b"], "echo web"], "{{ name }}": 1} == interpolate(inputs, VALUES)


@given(st.text(), st.dictionaries(st.sampled_from("abAB01"), st.text()))
def test_a_text_without_placeholders_stays_as_it_is(text, values):
    assert references(text) or text == interpolate(text, values)


@given(st.text())
def test_a_value_arrives_whole_whatever_is_in_it(text):
    assert {"x": [text]} == interpolate({"x": ["{{ value }}"]}, {"value": text})


def test_references_to_parameters_and_to_parameter_store():
    inputs = ["{{ a }} {{ b }} {{a}}", {"k": "{{ ssm:/x/y:3 }} {{ssm-secure:token}}"}]

    assert ["a", "b"] == references(inputs)
    assert [StoredReference("/x/y:3"), StoredReference("token", secure=True)] == (
        stored_references(inputs)
    )


ENVIRONMENT = """
schemaVersion: '2.2'
parameters:
  Message: {type: String, interpolationType: ENV_VAR}
  Folder: {type: String, default: /tmp}
mainSteps:
- action: aws:runShellScript
  name: a
  inputs:
    runCommand: ['echo "{{ Message }}" {{ Folder }}']
    workingDirectory: '{{ Message }}'
- action: aws:runPowerShellScript
  name: b
  inputs:
    runCommand: 'Write-Output "{{ Message }}"'
- action: aws:runDocument
  name: c
  inputs: {documentType: SSMDocument, documentPath: '{{ Message }}'}
"""


def test_a_parameter_of_the_environment_never_becomes_part_of_a_script():
    document = parse(ENVIRONMENT, "YAML")
    values = rebind(document, {"Message": '"; rm -rf /; "'}).values
    shell, power_shell, other = (inputs_of(step, values, document) for step in document.steps)

    assert ['echo "${SSM_Message}" /tmp'] == shell["runCommand"]
    assert 'Write-Output "${env:SSM_Message}"' == power_shell["runCommand"]
    assert {"SSM_Message": '"; rm -rf /; "'} == environment_of(values, document)
    # Elsewhere there is no shell to confuse.
    assert '"; rm -rf /; "' == shell["workingDirectory"] == other["documentPath"]
