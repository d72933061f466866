"""Values in files: read, written, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.cli.values import FORMS, Unreadable, Values, read, write


def test_dotenv_in_all_its_spellings() -> None:
    text = """# said
export PLAIN=one two  # not said
EMPTY=
  SPACED = three

SINGLE='four $x \\n # five' # not said
DOUBLE="six \\"seven\\"\\neight \\$nine"
LINES="ten
eleven"
db__password=a#b
LAST=end"""

    assert {
        "PLAIN": "one two",
        "EMPTY": "",
        "SPACED": "three",
        "SINGLE": "four $x \\n # five",
        "DOUBLE": 'six "seven"\neight $nine',
        "LINES": "ten\neleven",
        "db/password": "a#b",
        "LAST": "end",
    } == read(text, "dotenv").texts


def test_dotenv_that_is_none() -> None:
    for text in ("A=1\nnothing\n", "A='open", "=1", 'A="open\n'):
        with pytest.raises(Unreadable, match="Line"):
            read(text, "dotenv")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", '{"db": {"port": 5432, "on": true}, "hosts": ["a", "b"], "ratio": 1.10}'),
        ("yaml", "db:\n  port: 5432\n  on: true\nhosts: [a, b]\nratio: 1.10\n"),
    ],
)
def test_nested_values_are_flat_texts(form: str, text: str) -> None:
    found = read(text, form)

    assert {"db/port": "5432", "db/on": "true", "hosts": "a,b", "ratio": "1.10"} == found.texts
    assert {"hosts"} == found.lists


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": null}', '{"a": [[1]]}'])
def test_what_is_no_mapping_of_values(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text, "json")


def test_a_value_and_names_below_it_fit_into_dotenv_alone() -> None:
    both = Values({"a": "1", "a/b": "2"})

    assert "a=1\na__b=2\n" == write(both, "dotenv")
    with pytest.raises(Unreadable):
        write(both, "json")
    with pytest.raises(Unreadable, match="__"):
        write(Values({"a__b": "1"}), "dotenv")


NAMES = st.from_regex(r"[a-z0-9]{1,4}(/[a-z0-9.-]{1,3}){0,2}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\r\t"))


@pytest.mark.parametrize("form", FORMS)
@given(texts=st.dictionaries(NAMES, TEXTS, max_size=4))
def test_what_is_written_is_read_back(form: str, texts: dict[str, str]) -> None:
    try:
        text = write(Values(texts), form)
    except Unreadable:
        return  # a name that has a value and names below it

    assert texts == read(text, form).texts
