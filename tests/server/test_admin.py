"""`ostler-server admin`, as it is typed."""

import asyncio
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ostler.capabilities.identity import Identity
from ostler.capabilities.identity.migrations import MIGRATIONS
from ostler.foundation.audit import Audit
from ostler.foundation.call import Call, Caller
from ostler.foundation.clock import SystemClock
from ostler.foundation.ids import AccountId, Region, SystemIds
from ostler.foundation.secrets import Secrets, master_keys
from ostler.foundation.storage import Scope
from ostler.server import admin
from tests.support.databases import FOUNDATION, House

ACCOUNT = "111122223333"
HOUR = timedelta(hours=1)
POLICY = '{"Statement": {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}}'

Typed = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a server that was started once."""

    async def start() -> None:
        house = House(f"sqlite:///{tmp_path}/ostler.db", SystemClock())
        await house.storage.migrate((*FOUNDATION, *MIGRATIONS))
        secrets = Secrets(*master_keys(tmp_path / "keys"))
        identity = Identity(house.storage, SystemClock(), SystemIds(), secrets)
        await identity.first_start(account=ACCOUNT)
        house.storage.close()

    asyncio.run(start())
    return tmp_path


@pytest.fixture
def typed(folder: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types a command; its answer, out of JSON."""

    def typed(*words: str, status: int = 0) -> Any:
        assert status == admin.main(["--data", str(folder), "--json", *words])
        said = capsys.readouterr()
        return said.err if status else json.loads(said.out or "null")

    return typed


def test_a_user_from_beginning_to_end(typed: Typed, folder: Path) -> None:
    (folder / "policy.json").write_text(POLICY)
    typed("group", "create", "staff")
    typed("user", "create", "alice", "--path", "/team/")
    typed("user", "join", "alice", "staff")
    typed("policy", "create", "Own", str(folder / "policy.json"))
    typed("user", "attach", "alice", "Own")
    typed("user", "attach", "alice", "AmazonSSMReadOnlyAccess")
    typed("user", "put-policy", "alice", "mine", str(folder / "policy.json"))
    typed("user", "bound", "alice", "ReadOnlyAccess")
    key = typed("key", "create", "alice")
    typed("key", "disable", key["AccessKeyId"])

    shown = typed("user", "show", "alice")

    assert f"arn:aws:iam::{ACCOUNT}:user/team/alice" == shown["Arn"]
    assert ["staff"] == shown["Groups"]
    assert {"Own", "AmazonSSMReadOnlyAccess"} == {
        arn.rpartition("/")[2] for arn in shown["Policies"]
    }
    assert ["mine"] == shown["InlinePolicies"]
    assert "arn:aws:iam::aws:policy/ReadOnlyAccess" == shown["Boundary"]
    assert [(key["AccessKeyId"], "Inactive")] == [
        (each["AccessKeyId"], each["Status"]) for each in typed("key", "list", "alice")
    ]
    assert 40 == len(key["SecretAccessKey"])
    assert "DeleteConflict" in typed("user", "delete", "alice", status=1)
    typed("user", "delete", "alice", "--whole")
    assert ["administrator"] == [user["Name"] for user in typed("user", "list")]


def test_a_role(typed: Typed, folder: Path) -> None:
    typed("role", "create", "Windows", "--hours", "2")
    typed("role", "attach", "Windows", "AmazonSSMMaintenanceWindowRole")
    trust = typed("role", "show", "Windows")["TrustPolicy"]
    assert {"Service": "ssm.amazonaws.com"} == trust["Statement"]["Principal"]

    trust["Statement"]["Principal"] = {"AWS": ACCOUNT}
    (folder / "trust.json").write_text(json.dumps(trust))
    typed("role", "trust", "Windows", str(folder / "trust.json"))

    assert trust == typed("role", "show", "Windows")["TrustPolicy"]
    typed("role", "detach", "Windows", "AmazonSSMMaintenanceWindowRole")
    typed("role", "delete", "Windows")


def test_a_second_account_has_its_own_users(typed: Typed) -> None:
    made = typed("account", "create", "second", "--id", "444455556666")
    typed("--account", "second", "user", "create", "bob")

    assert "444455556666" == made["Account"]
    assert ["administrator", "bob"] == [
        user["Name"] for user in typed("user", "list", "--account", "444455556666")
    ]
    assert ["administrator"] == [user["Name"] for user in typed("user", "list")]
    typed("account", "delete", "444455556666")
    assert [ACCOUNT] == [account["Account"] for account in typed("account", "list")]


def test_a_policys_document_may_come_by_the_pipe(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(POLICY))

    typed("policy", "create", "Piped", "-")

    assert json.loads(POLICY) == typed("policy", "show", "Piped")["Document"]


def test_what_changes_anything_is_on_record(typed: Typed, folder: Path) -> None:
    """With who asked and what for; a key's secret is not in it."""
    typed("user", "create", "alice", "--description", "of the night shift")
    key = typed("key", "create", "alice")
    typed("user", "list")
    typed("user", "create", "alice", status=1)
    typed("role", "trust", "OstlerManagedInstance", "/nowhere", status=1)

    records = typed("audit")

    assert [
        ("admin:user create", "Success"),
        ("admin:key create", "Success"),
        ("admin:user create", "EntityAlreadyExists"),
        ("admin:role trust", "Failed"),
    ] == [(record["Action"], record["Outcome"]) for record in records]
    assert {f"arn:aws:iam::{ACCOUNT}:root"} == {record["Caller"] for record in records}
    assert {"name": "alice", "path": "/", "description": "of the night shift"} == json.loads(
        records[0]["Input"]
    )
    assert key["SecretAccessKey"] not in str(records)


def test_the_log_is_searched(typed: Typed, folder: Path) -> None:
    clock = SystemClock()
    house = House(f"sqlite:///{folder}/ostler.db", clock)
    typed("user", "create", "alice")
    log = Audit(house.storage, clock)
    region = Scope(AccountId(ACCOUNT), Region("eu-west-1"))
    foreign = Scope(AccountId("444455556666"), Region("eu-west-1"))
    for name, scope, age in (("alice", region, 0), ("bob", region, 3), ("alice", foreign, 0)):
        caller = Caller(f"arn:aws:iam::{scope.account}:user/{name}", scope.account, "AIDA")
        at = clock.now() - timedelta(hours=age)
        log.note(Call(scope, caller, "request", "ssm:SendCommand", at), {}, "Success")
    asyncio.run(log.write_down())
    house.storage.close()

    def found(*words: str) -> list[str]:
        return [record["Caller"].rpartition(":")[2] for record in typed("audit", *words)]

    assert ["root", "user/alice", "user/bob"] == found()
    assert ["user/alice", "user/bob"] == found("--action", "SendCommand")
    assert ["user/alice"] == found("--action", "SendCommand", "--since", "2h")
    assert ["root", "user/alice"] == found("--since", f"{clock.now() - HOUR:%Y-%m-%dT%H:%M}")
    assert ["user/bob"] == found("--caller", "bob")
    assert ["user/bob"] == found("--limit", "1")
    assert ["root"] == found("--action", "admin:user create")


@pytest.mark.parametrize(
    "words",
    [["--since", "yesterday"], ["--limit", "0"], ["--limit", "x"], ["--since", "99999999d"]],
)
def test_what_the_log_cannot_be_searched_by(typed: Typed, words: list[str]) -> None:
    with pytest.raises(SystemExit):
        typed("audit", *words)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["user", "show", "nobody"], "NoSuchEntity: The user with name nobody cannot be found."),
        (["user", "create", "a b"], "InvalidInput"),
        (["policy", "create", "P", "/nowhere"], "/nowhere"),
        (["--account", "third", "user", "list"], "There is no account third."),
    ],
)
def test_a_refusal_says_why(typed: Typed, words: list[str], complaint: str) -> None:
    said = typed(*words, status=1)

    assert said.startswith("ostler-server admin: ")
    assert complaint in said


def test_a_folder_without_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the finger makes no new database, and no new master key for an old one."""
    elsewhere = ["--database", "postgresql+psycopg://nobody@127.0.0.1:1/x"]
    for more in ([], elsewhere):
        assert 1 == admin.main(["user", "list", "--data", str(tmp_path), *more])

    assert "No server keeps its keys in" in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())


def test_tables_are_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = (["account", "list"], ["user", "show", "administrator"], ["audit"], ["group", "list"])
    assert 0 == admin.main(["--data", str(folder), "group", "create", "staff"])
    assert 0 == admin.main(["--data", str(folder), "group", "delete", "staff"])
    capsys.readouterr()
    for words in shown:
        assert 0 == admin.main(["--data", str(folder), *words])
    said = capsys.readouterr().out

    assert "Account       Name     Created" == said.splitlines()[0]
    assert "Groups          -" in said.splitlines()
    assert "At                   Outcome  Action              Caller" in said
    assert "(none)" == said.splitlines()[-1]
