"""People from a provider of OpenID Connect take on roles: boto3, a server, a provider process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import ENGINES
from tests.support.in_process import Door, a_door, refusal, with_extensions
from tests.support.provider import ProviderProcess, a_provider

PEOPLE = [
    {"sub": "alice", "email": "alice@example.org", "groups": ["operators", "staff"]},
    {"sub": "bob", "groups": "staff"},
]


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderProcess]:
    with a_provider(PEOPLE) as running:
        yield running


@pytest.fixture(scope="module", params=ENGINES)
def door(
    request: pytest.FixtureRequest,
    provider: ProviderProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Door]:
    """A server that knows the provider, and a role for each way to get one."""
    settings = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": "ostler",
        "oidc_roles": ("operators=Operator", "operators=Missing", "*=Guest"),
        "outbound_allowed": ("127.0.0.0/8",),
    }
    folder = Path(tmp_path_factory.mktemp("server"))
    with a_door(request.param, folder, **settings) as opened:
        iam = opened.client("iam")
        of_ours = {"Effect": "Allow", "Principal": {"AWS": opened.account}}
        for name in ("Operator", "Guest"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=a_trust(of_ours))
        federated = {
            "Effect": "Allow",
            "Principal": {
                "Federated": f"arn:aws:iam::{opened.account}:oidc-provider/{name_of(provider)}"
            },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{name_of(provider)}:sub": "bob"}},
        }
        iam.create_role(RoleName="Bobs", AssumeRolePolicyDocument=a_trust(federated))
        yield opened


def a_trust(statement: dict[str, Any]) -> str:
    statement = {"Action": "sts:AssumeRole", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def name_of(provider: ProviderProcess) -> str:
    return provider.issuer.removeprefix("http://")


def assumed(door: Door, role: str, token: str, **more: Any) -> Any:
    return door.client("sts").assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{door.account}:role/{role}",
        RoleSessionName="alice",
        WebIdentityToken=token,
        **more,
    )


def test_the_settings_give_roles_by_a_claim(door: Door, provider: ProviderProcess) -> None:
    answer = assumed(door, "Operator", provider.token("alice"))

    arn = f"arn:aws:sts::{door.account}:assumed-role/Operator/alice"
    assert ("alice", "ostler", provider.issuer, arn) == (
        answer["SubjectFromWebIdentityToken"],
        answer["Audience"],
        answer["Provider"],
        answer["AssumedRoleUser"]["Arn"],
    )
    assert arn == door.client("sts", answer["Credentials"]).get_caller_identity()["Arn"]


def test_everybody_may_get_a_role(door: Door, provider: ProviderProcess) -> None:
    assert assumed(door, "Guest", provider.token("bob"))["Credentials"]


def test_a_roles_own_trust_policy_may_turn_on_claims(door: Door, provider: ProviderProcess) -> None:
    assert assumed(door, "Bobs", provider.token("bob"))["Credentials"]
    assert "AccessDenied" == denied(door, "Bobs", provider.token("alice"))


def denied(door: Door, role: str, token: str, **more: Any) -> str:
    return refusal(lambda **given: assumed(door, role, token, **given), **more)[0]


def test_what_is_not_given_is_denied(door: Door, provider: ProviderProcess) -> None:
    token = provider.token("bob")

    for role in ("Operator", "OstlerManagedInstance", "NoSuchRole"):
        assert "AccessDenied" == denied(door, role, token)


def test_the_roles_of_somebody_are_told(door: Door, provider: ProviderProcess) -> None:
    sts = door.client("sts", session=with_extensions())

    def told(name: str) -> list[str]:
        answer = sts.list_roles_for_web_identity(WebIdentityToken=provider.token(name))
        return [arn.rpartition("/")[2] for arn in answer["RoleArns"]]

    assert ["Operator", "Guest"] == told("alice")
    assert ["Guest"] == told("bob")
    assert (provider.issuer, "ostler") == (
        sts.get_web_identity_provider()["Issuer"],
        sts.get_web_identity_provider()["ClientId"],
    )


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "e30.e30.e30", "eyJhbGciOiJub25lIn0.e30."])
def test_a_token_that_is_none(door: Door, token: str) -> None:
    assert "InvalidIdentityToken" == denied(door, "Guest", token)


def test_a_token_for_another_client(door: Door, provider: ProviderProcess) -> None:
    token = provider.token("alice", client_id="another")

    assert "InvalidIdentityToken" == denied(door, "Operator", token)


def test_a_token_that_somebody_changed(door: Door, provider: ProviderProcess) -> None:
    head, _, proof = provider.token("bob").split(".")
    _, body, _ = provider.token("alice").split(".")

    assert "InvalidIdentityToken" == denied(door, "Operator", f"{head}.{body}.{proof}")


def test_a_role_lends_no_longer_than_it_says(door: Door, provider: ProviderProcess) -> None:
    token = provider.token("bob")

    assert "ValidationError" == denied(door, "Guest", token, DurationSeconds=7200)


def test_the_audit_log_tells_whose_token_it_was(door: Door, provider: ProviderProcess) -> None:
    assumed(door, "Operator", provider.token("alice"))

    records = door.records("sts:AssumeRoleWithWebIdentity")

    issued = [record for record in records if record.outcome == "Success"][-1]
    arn = f"arn:aws:iam::{door.account}:oidc-provider/{name_of(provider)}/alice"
    assert arn == issued.caller
    assert '"WebIdentityToken":"***"' in issued.input.replace(" ", "")
