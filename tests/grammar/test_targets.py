"""Targets: keys are joined by and, values by or."""

import pytest

from ostler.grammar.targets import TargetFault, Targets, parse


def target(key, *values):
    return {"Key": key, "Values": list(values)}


def test_nodes_by_id_each_once():
    assert Targets(ids=("mi-1", "mi-2")) == parse([target("InstanceIds", "mi-1", "mi-2", "mi-1")])


def test_keys_are_joined_by_and_values_by_or():
    targets = parse([target("tag:Env", "dev", "test"), target("tag:Team", "red")])

    assert targets.fit("mi-1", {"Env": "test", "Team": "red"})
    assert not targets.fit("mi-1", {"Env": "prod", "Team": "red"})
    assert not targets.fit("mi-1", {"Env": "test"})


def test_a_tag_key_asks_only_that_there_is_such_a_tag():
    targets = parse([target("tag-key", "Env", "Stage")])

    assert targets.fit("mi-1", {"Stage": ""})
    assert not targets.fit("mi-1", {"Team": "red"})


def test_a_tag_without_values_asks_only_for_its_key():
    assert parse([target("tag:Env")]).fit("mi-1", {"Env": "any"})


def test_a_tag_key_may_hold_colons():
    assert parse([target("tag:aws:name", "x")]).fit("mi-1", {"aws:name": "x"})


def test_a_star_means_every_node():
    targets = parse([target("InstanceIds", "*")])

    assert targets.every
    assert targets.fit("mi-1", {})


def test_ids_and_tags_together_narrow_each_other():
    targets = parse([target("InstanceIds", "mi-1"), target("tag:Env", "dev")])

    assert targets.fit("mi-1", {"Env": "dev"})
    assert not targets.fit("mi-1", {})
    assert not targets.fit("mi-2", {"Env": "dev"})


def test_a_resource_group_is_left_to_whoever_knows_groups():
    targets = parse([target("resource-groups:Name", "web")])

    assert ("web",) == targets.groups
    assert not targets.fit("mi-1", {})


@pytest.mark.parametrize("key", ["", "tag", "tag:", "ParameterValues", "resource-groups:Other"])
def test_other_keys_are_refused(key):
    with pytest.raises(TargetFault):
        parse([target(key, "x")])


def test_one_resource_group_at_a_time():
    with pytest.raises(TargetFault, match="one resource group"):
        parse([target("resource-groups:Name", "web", "db")])
