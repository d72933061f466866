"""Reading: sound values or a DocumentFault, whatever the bytes."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.grammar.documents import DEEPEST, DocumentFault, convert, read, write

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts
scalars |= st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
)
lookalikes = st.sampled_from(
    [
        *("yes", "on", "Off", "null", "~", "", "1", "0x1f", "0755", "1_000", "1e3", "2.50", ".inf"),
        *("2026-01-02", "2026-01-02T03:04:05Z", "12:30:45", "true", "True", "- a", "a: b", "#c"),
        *("'", '"', " x ", "x\n", "\n", "a\nb  \n", "\t", "%x", "&a", "*a", "!x", "<<", "="),
    ]
)


@given(values)
def test_json_comes_back_as_it_was_written(value):
    assert value == read(write(value, "JSON"), "JSON")


@given(values | st.dictionaries(lookalikes, lookalikes) | lookalikes)
def test_yaml_comes_back_as_it_was_written(value):
    assert value == read(write(value, "YAML"), "YAML")


@given(st.dictionaries(texts, values, max_size=4))
def test_converting_there_and_back_changes_no_value(value):
    there = convert(json.dumps(value), "JSON", "YAML")

    assert value == read(convert(there, "YAML", "JSON"), "JSON")


structure = st.text(st.sampled_from('[]{}:,"\\&*!|>%@`-?#~ \n\taA1.ué€"'), max_size=80)


@pytest.mark.parametrize("notation", ["JSON", "YAML"])
@settings(max_examples=400)
@given(content=st.text(st.characters(), max_size=60) | structure)
def test_no_content_raises_anything_but_a_document_fault(notation, content):
    with suppress(DocumentFault):
        read(content, notation)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("https://example.com/document.json", "JSON not well-formed. at Line: 1, Column: 6"),
        ('{\n  "schemaVersion": "2.2",\n}', "JSON not well-formed. at Line: 3, Column: 2"),
        ('{"a": 1, "a": 2}', "JSON not well-formed. Duplicate field 'a'"),
        ('{"a": NaN}', "JSON not well-formed. Unrecognized token 'NaN'"),
        ('{"a": 1e999}', "The content holds a number out of range."),
        ('{"a": ' + "9" * 5000 + "}", "The content holds a number out of range."),
        ('{"a": "\\ud800"}', "The content holds text that is not well-formed Unicode."),
        ("[" * 60_000, f"The content nests deeper than {DEEPEST} levels."),
        ('{"a":' * 100 + "1" + "}" * 100, f"The content nests deeper than {DEEPEST} levels."),
    ],
)
def test_unsound_json_is_refused_with_its_place(content, message):
    with pytest.raises(DocumentFault) as refused:
        read(content, "JSON")

    assert message == refused.value.message
    assert "InvalidDocumentContent" == refused.value.code


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "The content grows too large."),
        ("a: &a [*a]", "No such anchor: a"),
        ("a: 1\na: 2", "Duplicate field 'a'"),
        ("a: !!python/object/apply:os.system [id]", "is not allowed"),
        ("a: !!binary aGk=", "is not allowed"),
        ("a: [1, 2", "YAML not well-formed. at Line: 2, Column: 1"),
        ("a: 1\n---\nb: 2", "One document only."),
        ("? [a, b]\n: c", "A key must be a text."),
        ("[" * 60_000, "nests deeper"),
        ("a: \x07", "YAML not well-formed."),
        ("- " * 200 + "x", "nests deeper"),
        ('"\\UFFFFFFFF"', "YAML not well-formed."),
    ],
)
def test_unsound_yaml_is_refused(content, message):
    with pytest.raises(DocumentFault, match=message.replace("(", r"\(")):
        read(content, "YAML")


def test_a_document_is_no_larger_than_64_kb():
    with pytest.raises(DocumentFault) as refused:
        read(json.dumps({"a": "ä" * 33_000}, ensure_ascii=False), "JSON")

    assert "MaxDocumentSizeExceeded" == refused.value.code


def test_what_looks_like_a_date_or_an_octal_or_a_yes_stays_text():
    """YAML 1.1 made surprises of these; documents are written by people who do not expect them."""
    content = "[2026-01-02, 0755, yes, on, NO, 12:30:45, 0x1f, 1_000, .inf]"

    assert ["2026-01-02", "0755", "yes", "on", "NO", "12:30:45", "0x1f", "1_000", ".inf"] == read(
        content, "YAML"
    )


def test_plain_scalars_are_what_they_look_like():
    content = "[true, False, null, ~, 7, -3, 2.5, 1e3, text, '7', \"true\", !!str 7]"

    assert [True, False, None, None, 7, -3, 2.5, 1000.0, "text", "7", "true", "7"] == read(
        content, "YAML"
    )


def test_an_alias_repeats_its_anchor():
    assert {"a": {"x": 1}, "b": {"x": 1}} == read("a: &it {x: 1}\nb: *it", "YAML")


def test_content_in_the_format_wanted_keeps_its_comments():
    content = "# why\nschemaVersion: '2.2'\n"

    assert content == convert(content, "YAML", "YAML")
