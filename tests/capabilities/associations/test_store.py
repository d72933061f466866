"""The tables of State Manager are what their migrations make, and sum up as the model does."""

import asyncio
from datetime import UTC, datetime
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from ostler.capabilities.associations.model import Association, Member, Status, Terms, standing
from ostler.capabilities.associations.store import associations as store
from ostler.capabilities.associations.store import members as member_store
from ostler.capabilities.associations.store import tables
from ostler.capabilities.associations.store.tables import metadata
from ostler.foundation.ids import NodeId
from ostler.foundation.paging import PageRequest
from tests.capabilities.associations.world import ALL_MIGRATIONS
from tests.support.databases import assert_schema_matches


def test_migrations_make_the_tables_that_queries_use():
    assert_schema_matches(ALL_MIGRATIONS, metadata)


@given(
    tallies=st.lists(
        st.dictionaries(st.sampled_from(list(Status)), st.integers(1, 3), max_size=4), max_size=5
    )
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_databases_sum_up_as_the_model_does(house, scope, tallies):
    """Filters by status find what the lists show."""

    async def compare() -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        made = []
        for number, tally in enumerate(tallies):
            one = Association(f"{number:036}", 1, Terms("AWS-Noop"), at, at, at)
            nodes = [
                (NodeId(f"mi-{number:08}{index:09}"), status)
                for index, status in enumerate(s for s, n in tally.items() for _ in range(n))
            ]
            made.append((one, nodes, standing(tally).coarse))

        def keep(tx):
            for table in (tables.associations, tables.versions, tables.members):
                tx.execute(delete(table))
            for one, nodes, _ in made:
                store.add(tx, one)
                member_store.add(tx, one, [node for node, _ in nodes])
                member_store.save(tx, [Member(one.id, node, status) for node, status in nodes])

        await house.storage.write(scope, keep)
        for word in ("Pending", "Success", "Failed"):
            found = await house.storage.read(
                scope, partial(store.page, wanted=store.Wanted(status=word), asked=PageRequest(50))
            )
            assert [one.id for one, _, coarse in made if coarse == word] == [
                one.id for one in found.items
            ]

    asyncio.run(compare())
