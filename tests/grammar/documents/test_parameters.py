"""Parameters: values of the right type within the declared limits, or a ParameterFault."""

import pytest

from ostler.grammar.documents import ParameterFault, StoredReference, bind, document_of, rebind


def declaring(**parameters):
    step = {"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["true"]}}
    return document_of({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": [step]})


@pytest.mark.parametrize(
    ("kind", "texts", "value"),
    [
        ("String", ["x"], "x"),
        ("String", [""], ""),
        ("StringList", ["a", "b"], ["a", "b"]),
        ("Boolean", ["true"], True),
        ("Integer", ["42"], 42),
        ("StringMap", ['{"path": "/x"}'], '{"path": "/x"}'),
        ("MapList", ['{"a": 1}', '{"b": 2}'], [{"a": 1}, {"b": 2}]),
        ("MapList", ['[{"a": 1}, {"b": 2}]'], [{"a": 1}, {"b": 2}]),
    ],
)
def test_texts_become_values_of_the_declared_type(kind, texts, value):
    assert {"p": value} == bind(declaring(p={"type": kind}), {"p": texts}).values


@pytest.mark.parametrize(
    ("declaration", "texts", "message"),
    [
        ({"type": "String"}, ["a", "b"], 'Parameter "p" takes exactly one value.'),
        ({"type": "String"}, [], 'Parameter "p" takes exactly one value.'),
        ({"type": "Boolean"}, ["1"], 'Parameter "p" must be of type Boolean.'),
        ({"type": "Integer"}, ["3.5"], 'Parameter "p" must be of type Integer.'),
        ({"type": "StringMap"}, ["[1]"], 'Parameter "p" must be of type StringMap.'),
        ({"type": "MapList"}, ['{"a": 1}', "2"], 'Parameter "p" must be of type MapList.'),
        (
            {"type": "StringMap"},
            ['{"path"'],
            'Parameter "p" must be of type StringMap. JSON not well-formed. at Line: 1, Column: 8',
        ),
        (
            {"type": "String", "allowedValues": ["Install", "Uninstall"]},
            ["Repair"],
            'Parameter "p" must have one of these values: Install, Uninstall.',
        ),
        (
            {"type": "String", "allowedPattern": "^[0-9]{1,3}$"},
            ["1000"],
            'Parameter "p" does not match the allowed pattern ^[0-9]{1,3}$.',
        ),
        (
            {"type": "StringList", "allowedPattern": "^x"},
            ["xa", "b"],
            'Parameter "p" does not match the allowed pattern ^x.',
        ),
        ({"type": "StringList", "minItems": 1}, [], 'Parameter "p" needs at least 1 items.'),
        ({"type": "StringList", "maxItems": 1}, ["a", "b"], 'Parameter "p" takes at most 1 items.'),
        ({"type": "String", "minChars": 2}, ["a"], 'Parameter "p" needs at least 2 characters.'),
        ({"type": "String", "maxChars": "2"}, ["abc"], 'Parameter "p" takes at most 2 characters.'),
    ],
)
def test_values_outside_the_limits_are_refused(declaration, texts, message):
    with pytest.raises(ParameterFault) as refused:
        bind(declaring(p=declaration), {"p": texts})

    assert message == refused.value.message


def test_what_has_no_default_must_be_given():
    with pytest.raises(ParameterFault, match='Parameter "p" requires a value'):
        bind(declaring(p={"type": "String"}), {})


def test_what_is_not_declared_cannot_be_given():
    with pytest.raises(ParameterFault, match='Parameter "q" is not declared'):
        bind(declaring(p={"type": "String", "default": ""}), {"q": ["x"]})


def test_defaults_fill_what_is_not_given():
    document = declaring(p={"type": "String", "default": "d"}, q={"type": "Integer", "default": 3})
    bound = bind(document, {"q": ["4"]})

    assert {"p": "d", "q": 4} == bound.values
    assert {"q": 4} == bound.given


def test_a_boolean_word_is_allowed_however_the_declaration_writes_it():
    """AWS's own example declares `allowedValues: [True, False]` for a String."""
    document = declaring(p={"type": "String", "allowedValues": [True, False]})

    assert {"p": "True"} == bind(document, {"p": ["True"]}).values


def test_values_kept_in_parameter_store_are_reported_and_not_checked_here():
    document = declaring(
        p={"type": "String", "allowedPattern": "^[0-9]+$"},
        q={"type": "StringList", "default": "{{ ssm:list }}"},
    )
    bound = bind(document, {"p": ["{{ssm:/port:2}}"]})

    assert [StoredReference("/port:2"), StoredReference("list")] == bound.stored


def test_an_agent_takes_typed_values_and_what_is_not_declared():
    document = declaring(p={"type": "StringMap"}, q={"type": "String", "default": "d"})

    assert {"p": {"a": "b"}, "q": "d", "more": 1} == (
        rebind(document, {"p": {"a": "b"}, "more": 1}).values
    )


def test_an_agent_checks_the_limits_too():
    with pytest.raises(ParameterFault, match="allowed pattern"):
        rebind(declaring(p={"type": "String", "allowedPattern": "^[a-z]+$"}), {"p": "X"})
