"""Service settings: what may be chosen, by whom, and what holds until somebody chooses."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ostler.capabilities import settings
from ostler.capabilities.settings.errors import ServiceSettingNotFound
from ostler.capabilities.settings.migrations import MIGRATIONS
from ostler.capabilities.settings.model.settings import KINDS
from ostler.capabilities.settings.store.tables import metadata
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.ids import SequentialIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from tests.support.calls import Customer, allowing
from tests.support.databases import ENGINES, FOUNDATION, House, assert_schema_matches

TIER = "/ssm/parameter-store/default-parameter-tier"
ARN = f"arn:aws:ssm:eu-west-1:111122223333:servicesetting{TIER}"


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *MIGRATIONS)


@pytest.fixture
def operations(house: House, clock: ManualClock, tmp_path: Path) -> Sequence[object]:
    blobs = Blobs(str(tmp_path / "blobs"))
    foundation = Foundation(house.storage, clock, SequentialIds(), blobs, Secrets(bytes(32)))
    return settings.build(foundation).operations


@pytest.fixture
def customer(operations: Sequence[object], scope: Scope, clock: ManualClock) -> Customer:
    return Customer(operations, scope, clock)


def test_the_migrations_make_the_tables() -> None:
    assert_schema_matches(MIGRATIONS, metadata)


async def test_a_setting_is_chosen_and_taken_back(customer: Customer, clock: ManualClock) -> None:
    before = (await customer.ask("GetServiceSetting", SettingId=TIER))["ServiceSetting"]
    assert ("Standard", "Default", "System", ARN) == tuple(
        before[each] for each in ("SettingValue", "Status", "LastModifiedUser", "ARN")
    )

    await customer.ask("UpdateServiceSetting", SettingId=ARN, SettingValue="Advanced")
    chosen = (await customer.ask("GetServiceSetting", SettingId=ARN))["ServiceSetting"]
    assert (TIER, "Advanced", "Customized", clock.now()) == tuple(
        chosen[each] for each in ("SettingId", "SettingValue", "Status", "LastModifiedDate")
    )
    assert chosen["LastModifiedUser"].endswith("user/tester")

    reset = (await customer.ask("ResetServiceSetting", SettingId=TIER))["ServiceSetting"]
    assert before == reset


async def test_each_account_chooses_for_itself(
    operations: Sequence[object], customer: Customer, other_scope: Scope, clock: ManualClock
) -> None:
    await customer.ask("UpdateServiceSetting", SettingId=TIER, SettingValue="Advanced")

    theirs = await Customer(operations, other_scope, clock).ask("GetServiceSetting", SettingId=TIER)

    assert "Standard" == theirs["ServiceSetting"]["SettingValue"]


@pytest.mark.parametrize("engine", ENGINES[:1], indirect=True)
@pytest.mark.parametrize("setting", [id_ for id_, kind in KINDS.items() if kind.values])
async def test_a_setting_takes_the_values_that_it_has(customer: Customer, setting: str) -> None:
    for value in KINDS[setting].values:
        await customer.ask("UpdateServiceSetting", SettingId=setting, SettingValue=value)
        answer = await customer.ask("GetServiceSetting", SettingId=setting)
        assert value == answer["ServiceSetting"]["SettingValue"]
    with pytest.raises(ValidationException, match="cannot be"):
        await customer.ask("UpdateServiceSetting", SettingId=setting, SettingValue="perhaps")


@pytest.mark.parametrize("engine", ENGINES[:1], indirect=True)
@pytest.mark.parametrize(
    "setting",
    [
        "/ssm/nothing",
        TIER.removeprefix("/"),
        ARN.replace("111122223333", "444455556666"),
        ARN.replace("eu-west-1", "us-east-1"),
    ],
)
async def test_there_are_no_other_settings(customer: Customer, setting: str) -> None:
    with pytest.raises(ServiceSettingNotFound):
        await customer.ask("GetServiceSetting", SettingId=setting)


@pytest.mark.parametrize("engine", ENGINES[:1], indirect=True)
async def test_permission_is_on_the_settings_arn(
    operations: Sequence[object], scope: Scope, clock: ManualClock
) -> None:
    clerk = Customer(operations, scope, clock, policies=allowing("ssm:UpdateServiceSetting", ARN))

    await clerk.ask("UpdateServiceSetting", SettingId=TIER, SettingValue="Advanced")
    for other in ("/ssm/opsinsights/opscenter", "/ssm/nothing"):
        with pytest.raises(AccessDeniedException):
            await clerk.ask("UpdateServiceSetting", SettingId=other, SettingValue="Enabled")
