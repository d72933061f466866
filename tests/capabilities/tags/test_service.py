"""Tags as neighbours ask for them."""

import pytest

from ostler.capabilities.tags import TagsByArn
from ostler.capabilities.tags.errors import TooManyTagsError
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import Region
from ostler.foundation.storage import Scope, Transaction
from tests.capabilities.tags.conftest import Tagging, on_both_engines

ONE, TWO = "mi-00000000000000001", "mi-00000000000000002"


async def a_tagged_pair(tagging: Tagging, scope: Scope) -> None:
    def put(tx: Transaction) -> None:
        tagging.tags.put(tx, "ManagedInstance", ONE, {"role": "web", "stage": "prod"})
        tagging.tags.put(tx, "ManagedInstance", TWO, {"role": "db"})
        tagging.tags.put(tx, "Parameter", "/password", {"role": "web"})
        tagging.tags.put(tx, "Parameter", "/untagged", {})

    await tagging.house.storage.write(scope, put)


@on_both_engines
async def test_neighbours_find_who_carries_a_tag(tagging: Tagging, scope: Scope) -> None:
    await a_tagged_pair(tagging, scope)

    def look(tx: Transaction) -> list[object]:
        tags = tagging.tags
        return [
            tags.having(tx, "ManagedInstance", "role"),
            tags.having(tx, "ManagedInstance", "role", ["web", "mail"]),
            tags.having(tx, "ManagedInstance", "colour"),
            tags.having(tx, "Parameter", "role", ["web"]),
        ]

    assert [[ONE, TWO], [ONE], [], ["password"]] == await tagging.house.storage.read(scope, look)


@on_both_engines
async def test_neighbours_read_the_tags_of_many(tagging: Tagging, scope: Scope) -> None:
    await a_tagged_pair(tagging, scope)

    found = await tagging.house.storage.read(
        scope, lambda tx: tagging.tags.of_many(tx, "ManagedInstance", [ONE, TWO, "mi-3"])
    )

    assert {ONE: {"role": "web", "stage": "prod"}, TWO: {"role": "db"}} == found


@on_both_engines
async def test_dropped_tags_are_gone(tagging: Tagging, scope: Scope) -> None:
    await a_tagged_pair(tagging, scope)

    def drop(tx: Transaction) -> None:
        tagging.tags.drop(tx, "ManagedInstance", ONE)

    await tagging.house.storage.write(scope, drop)

    def look(tx: Transaction) -> list[object]:
        return [tagging.tags.of(tx, "ManagedInstance", node) for node in (ONE, TWO)]

    assert [{}, {"role": "db"}] == await tagging.house.storage.read(scope, look)


@pytest.mark.parametrize(
    ("tags", "fault"),
    [
        ({"k" * 129: ""}, ValidationException),
        ({"": ""}, ValidationException),
        ({"key": "v" * 257}, ValidationException),
        ({f"key{n}": "" for n in range(51)}, TooManyTagsError),
    ],
)
async def test_limits_hold_for_neighbours_too(
    tagging: Tagging, scope: Scope, tags: dict[str, str], fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        await tagging.house.storage.write(
            scope, lambda tx: tagging.tags.put(tx, "ManagedInstance", ONE, tags)
        )


async def test_policies_find_tags_by_arn(tagging: Tagging, scope: Scope) -> None:
    await a_tagged_pair(tagging, scope)
    by_arn = TagsByArn(tagging.house.storage, tagging.tags)
    ours = f"arn:aws:ssm:{scope.region}:{scope.account}"

    assert {"role": "db"} == await by_arn.of(scope, f"{ours}:managed-instance/{TWO}")
    assert {"role": "web"} == await by_arn.of(scope, f"{ours}:parameter/password")
    for arn in (
        f"{ours}:managed-instance/*",
        f"{ours}:*",
        f"{ours}:opsitem/oi-1",
        f"arn:aws:ssm:{scope.region}:444455556666:managed-instance/{TWO}",
        "arn:aws:iam::111122223333:role/Fleet",
        "*",
    ):
        assert {} == await by_arn.of(scope, arn)
    elsewhere = Scope(scope.account, Region("elsewhere"))
    assert {} == await by_arn.of(elsewhere, f"{ours}:managed-instance/{TWO}")
