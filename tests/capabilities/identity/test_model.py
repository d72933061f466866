"""The nouns of identity: ids, names, shipped policies."""

import re

import pytest

from ostler.capabilities.identity.errors import InvalidInput
from ostler.capabilities.identity.model import entities
from ostler.capabilities.identity.model.entities import Kind
from ostler.capabilities.identity.model.shipped import SHIPPED
from ostler.foundation.ids import SystemIds
from ostler.foundation.policy import Policy


@pytest.mark.parametrize("arn", SHIPPED)
def test_a_shipped_policy_is_one(arn: str) -> None:
    assert re.fullmatch(r"arn:aws:iam::aws:policy/(service-role/)?\w+", arn)
    assert Policy.parse(SHIPPED[arn].document, most=6_144).allows


def test_what_is_minted_looks_as_it_does_at_aws() -> None:
    ids = SystemIds()

    assert re.fullmatch(r"[1-9]\d{11}", entities.new_account_id(ids))
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", entities.new_access_key(ids))
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", entities.new_access_key(ids, temporary=True))
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", entities.new_secret(ids))
    assert re.fullmatch(r"AROA[A-Z2-7]{17}", entities.new_entity_id(Kind.ROLE, ids))


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "ü", "a\n"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(InvalidInput):
        entities.check_name(name)


@pytest.mark.parametrize(("key", "secret"), [("ab", "x" * 8), ("ASIAX", "x" * 8), ("abc", "short")])
def test_a_key_pair_that_cannot_be_used(key: str, secret: str) -> None:
    with pytest.raises(InvalidInput):
        entities.check_key_pair(key, secret)


def test_a_secret_does_not_show() -> None:
    pair = entities.KeyPair(entities.check_account("111122223333"), "AKIA", "the-secret")

    assert "the-secret" not in repr(pair)
