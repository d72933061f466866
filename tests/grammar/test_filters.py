"""Filters: one meaning for all the spellings."""

import pytest

from ostler.grammar.filters import Filter, FilterFault, Operator, all_match, parse


@pytest.mark.parametrize(
    "given",
    [
        {"Key": "PlatformTypes", "Values": ["Linux"]},
        {"key": "PlatformTypes", "value": "Linux"},
        {"key": "PlatformTypes", "valueSet": ["Linux"]},
        {"FilterKey": "PlatformTypes", "FilterValues": ["Linux"]},
        {"Key": "PlatformTypes", "Value": "Linux", "Type": "EQUAL"},
        {"Key": "PlatformTypes", "Values": ["Linux"], "Operator": "Equal"},
        {"Key": "PlatformTypes", "Values": ["Linux"], "Option": "Equals"},
    ],
)
def test_all_spellings_mean_the_same(given):
    assert [Filter("PlatformTypes", ("Linux",))] == parse([given])


@pytest.mark.parametrize(
    ("operator", "values", "actual", "passes"),
    [
        ("Equal", ["a", "b"], "b", True),
        ("Equal", ["a"], ["x", "a"], True),
        ("Equal", ["a"], None, False),
        ("NotEqual", ["a"], "b", True),
        ("NotEqual", ["a"], ["a", "b"], False),
        ("NotEqual", ["a"], None, True),
        ("BeginWith", ["web-"], "web-1", True),
        ("BEGIN_WITH", ["web-"], "db-1", False),
        ("LessThan", ["10"], "9", True),
        ("LessThan", ["3.10.0"], "3.9.0", True),
        ("GreaterThan", ["2026-01-01T00:00:00Z"], "2026-01-01T01:30:00+01:00", True),
        ("GREATER_THAN", ["b"], "a", False),
        ("Exists", [], "anything", True),
        ("Exists", [], None, False),
        ("Contains", ["disk"], "the disk is full", True),
    ],
)
def test_operators(operator, values, actual, passes):
    [one] = parse([{"Key": "K", "Values": values, "Type": operator}])

    assert passes is one.matches(actual)


def test_every_filter_must_pass():
    filters = [Filter("Name", ("web",), Operator.BEGIN_WITH), Filter("Owner", ("Self",))]

    assert all_match(filters, {"Name": "web-1", "Owner": "Self"}.get)
    assert not all_match(filters, {"Name": "web-1", "Owner": "Amazon"}.get)


def test_a_key_that_the_operation_lacks_is_refused():
    with pytest.raises(FilterFault) as refused:
        parse([{"Key": "Colour", "Values": ["red"]}], known=["Name", "tag:"])

    assert "Colour" == refused.value.key


def test_a_prefix_takes_any_name():
    assert [Filter("tag:Env", ("dev",))] == parse([{"Key": "tag:Env", "Values": ["dev"]}], ["tag:"])

    with pytest.raises(FilterFault):
        parse([{"Key": "tag:", "Values": ["dev"]}], ["tag:"])


def test_an_unknown_operator_is_refused():
    with pytest.raises(FilterFault, match="Like"):
        parse([{"Key": "K", "Values": ["v"], "Type": "Like"}])
