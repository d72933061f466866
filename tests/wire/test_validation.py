"""Input that breaks its model, and what AWS says about it."""

import tomllib
from pathlib import Path

import pytest
from botocore.model import ServiceModel

from ostler.wire import models, validation
from ostler.wire.errors import ValidationException
from ostler.wire.http import Request

CASES = tomllib.loads((Path(__file__).parents[1] / "cases/wire/validation.toml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES["case"], ids=lambda case: case["title"])
def test_the_words_of_aws(case):
    service = case.get("service", "ssm")
    op = models.operation(service, case["operation"])
    given = models.protocol(service).read(op, Request("POST", "/", body=case["given"].encode()))

    assert case.get("message") == complaint(op.input_shape, given)


def complaint(shape, value):
    try:
        validation.check(shape, value)
    except ValidationException as refused:
        return refused.message
    return None


def a_shape(shapes, name="Root"):
    return ServiceModel({"metadata": {}, "operations": {}, "shapes": shapes}, "test").shape_for(
        name
    )


def test_an_operation_without_input_has_nothing_to_check():
    validation.check(None, {})


def test_bytes_are_counted_and_never_told():
    shape = a_shape(
        {
            "Root": {"type": "structure", "members": {"Data": {"shape": "Blob"}}},
            "Blob": {"type": "blob", "max": 2},
        }
    )

    assert (
        "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]' at 'data' "
        "failed to satisfy constraint: Member must have length less than or equal to 2"
    ) == complaint(shape, {"Data": b"abc"})


def test_what_is_inside_of_something_sensitive_is_not_told():
    shape = a_shape(
        {
            "Root": {"type": "structure", "members": {"Secrets": {"shape": "Secrets"}}},
            "Secrets": {
                "type": "map",
                "key": {"shape": "Name"},
                "value": {"shape": "Names"},
                "sensitive": True,
            },
            "Names": {"type": "list", "member": {"shape": "Name"}, "max": 1},
            "Name": {"type": "string", "max": 3},
        }
    )

    told = complaint(shape, {"Secrets": {"abc": ["hunter2", "b"]}})

    assert "hunter2" not in told
    assert "Value at 'secrets.abc.member' failed" in told


def test_a_sensitive_member_is_not_told_with_what_holds_it():
    shape = a_shape(
        {
            "Root": {"type": "structure", "members": {"Users": {"shape": "Users"}}},
            "Users": {"type": "list", "member": {"shape": "User"}, "max": 0},
            "User": {"type": "structure", "members": {"Password": {"shape": "Secret"}}},
            "Secret": {"type": "string", "sensitive": True},
        }
    )

    assert "hunter2" not in complaint(shape, {"Users": [{"Password": "hunter2"}]})


def test_a_structure_that_holds_itself():
    shape = a_shape(
        {
            "Root": {
                "type": "structure",
                "required": ["Name"],
                "members": {"Name": {"shape": "Name"}, "Next": {"shape": "Root"}},
            },
            "Name": {"type": "string"},
        }
    )

    assert complaint(shape, {"Name": "a", "Next": {"Name": "b"}}) is None
    assert "'next.next.name'" in complaint(shape, {"Name": "a", "Next": {"Name": "b", "Next": {}}})


def test_a_depth_beyond_all_measure_is_refused():
    shape = a_shape(
        {
            "Root": {
                "type": "structure",
                "members": {"Name": {"shape": "Name"}, "Next": {"shape": "Root"}},
            },
            "Name": {"type": "string", "max": 1},
        }
    )
    value: dict = {}
    for _ in range(10_000):
        value = {"Next": value}

    assert "The input is nested too deeply." == complaint(shape, value)


@pytest.mark.parametrize("size", [1, 2, 70_000])
def test_a_text_too_long_is_refused_for_its_length(size):
    """However its pattern is written, a giant costs no more than counting it."""
    shape = a_shape(
        {
            "Root": {"type": "structure", "members": {"Name": {"shape": "Name"}}},
            "Name": {"type": "string", "max": 2, "pattern": "^(x+x+)+y$"},
        }
    )

    told = complaint(shape, {"Name": "x" * size})

    assert ("length less than" in told) == (size > 2)
    assert ("pattern" in told) == (size <= 2)


def test_a_refusal_does_not_cost_more_than_its_request():
    shape = a_shape(
        {
            "Root": {
                "type": "structure",
                "members": {"Tags": {"shape": "Tags"}, "Names": {"shape": "Names"}},
            },
            "Tags": {"type": "list", "member": {"shape": "Tag"}},
            "Tag": {
                "type": "structure",
                "required": ["Key"],
                "members": {"Key": {"shape": "Text"}},
            },
            "Names": {"type": "list", "member": {"shape": "Text"}, "max": 10},
            "Text": {"type": "string"},
        }
    )

    told = complaint(shape, {"Tags": [{}] * 1_000_000, "Names": ["name"] * 1_000_000})

    assert told.startswith("101 validation errors detected: ")
    assert len(told) < 20_000
