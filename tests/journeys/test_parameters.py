"""Parameter Store by boto3: configuration that applications read, and who may."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from ostler.cli.client import Connection
from ostler.cli.main import ostler
from ostler.cli.watching import CannotWatch, happenings
from ostler.foundation.clock import SystemClock
from tests.support.processes import ROOT, ServerProcess, eventually

SECRET = "correct horse battery staple"


@pytest.fixture
def tree(ssm: Any) -> Iterator[str]:
    """A hierarchy with a text, a list and a secret, gone afterwards."""
    ssm.put_parameter(Name="/journey/app/url", Value="https://example.com", Type="String")
    ssm.put_parameter(Name="/journey/app/hosts", Value="a,b", Type="StringList")
    ssm.put_parameter(Name="/journey/app/db/password", Value=SECRET, Type="SecureString")
    yield "/journey/app"
    ssm.delete_parameters(
        Names=[f"/journey/app/{name}" for name in ("url", "hosts", "db/password")]
    )


def code(fault: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = fault.value.response["Error"]
    return error["Code"], error.get("Message", "")


def test_a_parameter_comes_and_changes_and_goes(ssm: Any) -> None:
    name = "journey-parameter"
    made = ssm.put_parameter(Name=name, Value="one", Type="String", Description="said")
    assert (1, "Standard") == (made["Version"], made["Tier"])

    with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
        ssm.put_parameter(Name=f"/{name}", Value="two", Type="String")
    assert 2 == ssm.put_parameter(Name=name, Value="two", Overwrite=True)["Version"]

    found = ssm.get_parameter(Name=f"/{name}")["Parameter"]
    assert (f"/{name}", "two", 2, "String", "text") == tuple(
        found[each] for each in ("Name", "Value", "Version", "Type", "DataType")
    )
    assert found["ARN"].endswith(f":parameter/{name}")
    assert abs(found["LastModifiedDate"] - SystemClock().now()) < timedelta(minutes=5)
    assert "one" == ssm.get_parameter(Name=found["ARN"] + ":1")["Parameter"]["Value"]

    ssm.delete_parameter(Name=name)
    with pytest.raises(ClientError) as missing:
        ssm.get_parameter(Name=name)
    assert ("ParameterNotFound", "") == code(missing)
    assert 1 == ssm.put_parameter(Name=name, Value="anew", Type="String")["Version"]
    ssm.delete_parameter(Name=name)


def test_a_hierarchy_is_read_page_by_page(ssm: Any, tree: str) -> None:
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path=tree, Recursive=True, WithDecryption=True, PaginationConfig={"PageSize": 2}
    )

    assert {
        f"{tree}/db/password": SECRET,
        f"{tree}/hosts": "a,b",
        f"{tree}/url": "https://example.com",
    } == {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}
    flat = ssm.get_parameters_by_path(Path=tree)["Parameters"]
    assert [f"{tree}/hosts", f"{tree}/url"] == [each["Name"] for each in flat]


def test_parameters_are_described_by_filters(ssm: Any, tree: str) -> None:
    filters = [
        {"Key": "Path", "Option": "Recursive", "Values": [tree]},
        {"Key": "Type", "Values": ["SecureString"]},
    ]

    (told,) = ssm.describe_parameters(ParameterFilters=filters)["Parameters"]

    assert (f"{tree}/db/password", "alias/aws/ssm") == (told["Name"], told["KeyId"])


def test_a_secret_stays_a_secret(ssm: Any, server: ServerProcess, tree: str) -> None:
    name = f"{tree}/db/password"
    assert SECRET == ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    assert SECRET not in ssm.get_parameter(Name=name)["Parameter"]["Value"]

    kept = [path for path in server.data.rglob("*") if path.is_file()]
    assert [] == [path.name for path in kept if SECRET.encode() in path.read_bytes()]
    assert SECRET not in server.log.read_text()


def test_labels_and_history(ssm: Any, tree: str) -> None:
    name = f"{tree}/url"
    ssm.put_parameter(Name=name, Value="https://example.org", Overwrite=True)
    answer = ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["live", "9"])
    assert ["9"] == answer["InvalidLabels"]

    live = ssm.get_parameter(Name=f"{name}:live")["Parameter"]
    assert ("https://example.com", ":live", name) == tuple(
        live[each] for each in ("Value", "Selector", "Name")
    )
    history = ssm.get_parameter_history(Name=name)["Parameters"]
    assert [(1, ["live"]), (2, [])] == [(each["Version"], each["Labels"]) for each in history]


def test_writers_at_once_get_consecutive_versions(ssm: Any, server: ServerProcess) -> None:
    given: list[int] = []

    def write() -> None:
        client = server.client()
        for _ in range(5):
            put = client.put_parameter(
                Name="/journey/contended", Value="v", Type="String", Overwrite=True
            )
            given.append(put["Version"])

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert list(range(1, 31)) == sorted(given)
    ssm.delete_parameter(Name="/journey/contended")


def test_an_expired_parameter_is_gone(ssm: Any) -> None:
    soon = SystemClock().now() + timedelta(seconds=2)
    expires = {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": stamp(soon)}}
    ssm.put_parameter(
        Name="/journey/short",
        Value="v",
        Type="String",
        Tier="Advanced",
        Policies=json.dumps([expires]),
    )

    def gone() -> bool:
        return bool(ssm.get_parameters(Names=["/journey/short"])["InvalidParameters"])

    eventually("the parameter gone", gone)


def stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.mark.parametrize(
    ("given", "expected", "words"),
    [
        ({"Name": "a/b"}, "ValidationException", "Parameter name must be a fully qualified name."),
        ({"Name": "/aws/x"}, "AccessDeniedException", "No access to reserved parameter name"),
        ({"Name": "/1" * 16}, "HierarchyLevelLimitExceededException", "15 levels"),
        ({"Value": "v" * 4097}, "ValidationException", "Standard tier parameters support"),
        ({"Value": "{{ssm:x}}"}, "ValidationException", "can't nest another parameter"),
        ({"AllowedPattern": r"\d+"}, "ParameterPatternMismatchException", "allowedPattern"),
        ({"AllowedPattern": "["}, "InvalidAllowedPatternException", ""),
        ({"Type": "SecureString", "KeyId": "alias/x"}, "InvalidKeyId", "is not found"),
        ({"Type": "Number"}, "ValidationException", "Value 'Number' at 'type' failed to satisfy"),
        ({"Tier": "Advanced", "Policies": "[1]"}, "ValidationException", "Invalid policies input"),
    ],
)
def test_what_cannot_be_is_refused(
    unchecked: Any, given: dict[str, str], expected: str, words: str
) -> None:
    order = {"Name": "/journey/wrong", "Value": "v", "Type": "String", **given}

    with pytest.raises(ClientError) as refused:
        unchecked.put_parameter(**order)

    told, message = code(refused)
    assert expected == told
    assert words in message
    assert ["/journey/wrong"] == unchecked.get_parameters(Names=["/journey/wrong"])[
        "InvalidParameters"
    ]


def test_another_account_has_parameters_of_its_own(
    server: ServerProcess, guest: dict[str, Any], tree: str
) -> None:
    theirs = server.client_of(guest)

    with pytest.raises(theirs.exceptions.ParameterNotFound):
        theirs.get_parameter(Name=f"{tree}/url")
    assert [] == theirs.get_parameters_by_path(Path=tree, Recursive=True)["Parameters"]


def test_tags_belong_to_the_parameter(ssm: Any, tree: str) -> None:
    tag = {"Key": "stage", "Value": "prod"}
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=f"{tree}/url", Tags=[tag])

    told = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=f"{tree}/url")
    found = ssm.describe_parameters(ParameterFilters=[{"Key": "tag:stage", "Values": ["prod"]}])[
        "Parameters"
    ]

    assert [tag] == told["TagList"]
    assert [f"{tree}/url"] == [each["Name"] for each in found]


class Line:
    """The command line, in front of the server."""

    def __init__(self, server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)

    def __call__(self, *words: str, input: str = "", status: int = 0) -> str:  # noqa: A002
        result = CliRunner().invoke(ostler, words, input=input)
        assert status == result.exit_code, result.output
        return result.output


@pytest.fixture
def line(server: ServerProcess, monkeypatch: pytest.MonkeyPatch, ssm: Any) -> Iterator[Line]:
    yield Line(server, monkeypatch)
    found = ssm.get_parameters_by_path(Path="/journey/line", Recursive=True)["Parameters"]
    if found:
        ssm.delete_parameters(Names=[each["Name"] for each in found])


def test_parameters_on_the_command_line(line: Line, ssm: Any) -> None:
    line("parameters", "set", "/journey/line/url", "https://example.com")
    line("parameters", "set", "/journey/line/key", "--secure", input=f"{SECRET}\n")
    line("parameters", "set", "/journey/line/key", "-", input="changed")

    assert "https://example.com\n" == line("parameters", "get", "/journey/line/url")
    assert "changed\n" == line("parameters", "get", "/journey/line/key")
    assert f"{SECRET}\n" == line("parameters", "get", "/journey/line/key:1")
    assert "changed" not in line("parameters", "get", "/journey/line/key", "--closed")
    listed = json.loads(line("-o", "json", "parameters", "list", "/journey/line"))
    assert [("/journey/line/key", "SecureString"), ("/journey/line/url", "String")] == [
        (each["Name"], each["Type"]) for each in listed
    ]
    assert "SecureString" in line("parameters")
    assert 1 == ssm.get_parameter(Name="/journey/line/url")["Parameter"]["Version"]


def test_a_file_of_parameters_comes_and_goes(line: Line, tmp_path: Path) -> None:
    source, copy = tmp_path / "app.json", tmp_path / "copy.env"
    told = {"db": {"password": SECRET, "port": 5432}, "hosts": ["a", "b"], "text": "two\nlines"}
    source.write_text(json.dumps(told))
    dry = line("parameters", "import", str(source), "/journey/line", "--dry-run", "--secure=*pass*")
    assert "db/password" in dry
    assert SECRET not in dry

    line("parameters", "import", str(source), "/journey/line", "--secure=*pass*")
    line("parameters", "export", "/journey/line", "--file", str(copy))

    assert "Nothing differs." in line("parameters", "diff", str(copy), "/journey/line")
    assert "Nothing differs." in line("parameters", "import", str(copy), "/journey/line")
    types = json.loads(line("-o", "json", "parameters", "list", "/journey/line"))
    assert ["SecureString", "String", "StringList", "String"] == [each["Type"] for each in types]
    assert SECRET not in line("parameters", "export", "/journey/line", "--no-secrets")

    source.write_text(json.dumps({"db": {"port": 5433}, "new": "n"}))
    shown = line("parameters", "diff", "/journey/line", str(source), status=1)
    assert SECRET not in shown
    line("parameters", "import", str(source), "/journey/line", "--delete", input="y\n")
    assert "Nothing differs." in line("parameters", "diff", "/journey/line", str(source))


def test_a_parameter_is_shared_with_another_account(
    server: ServerProcess, guest: dict[str, Any], ssm: Any
) -> None:
    name = "/journey/shared"
    ssm.put_parameter(Name=name, Value="ours", Type="String", Tier="Advanced")
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
    theirs = server.client_of(guest)
    with pytest.raises(theirs.exceptions.ParameterNotFound):
        theirs.get_parameter(Name=arn)

    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": guest["Account"]},
        "Action": ["ssm:GetParameter", "ssm:DescribeParameters"],
        "Resource": arn,
    }
    ssm.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Statement": statement}))

    assert "ours" == theirs.get_parameter(Name=arn)["Parameter"]["Value"]
    shared = theirs.describe_parameters(Shared=True)["Parameters"]
    assert [(name, arn)] == [(each["Name"], each["ARN"]) for each in shared]
    ssm.delete_parameter(Name=name)
    assert [] == theirs.describe_parameters(Shared=True)["Parameters"]


def test_a_write_on_condition_reaches_boto3_and_the_command_line(
    server: ServerProcess, ssm: Any, line: Line
) -> None:
    """botocore learns of the member from our extras, as docs/reference/extensions.md has it."""
    extras = ROOT / "src/ostler/wire/models/extensions"
    session = botocore.session.get_session()
    session.get_component("data_loader").search_paths.append(str(extras))
    knowing = server.client(session=boto3.Session(botocore_session=session))
    name = "/journey/line/counter"
    knowing.put_parameter(Name=name, Value="1", Type="String", IfVersion=0)

    with pytest.raises(knowing.exceptions.TooManyUpdates, match="is at version 1"):
        knowing.put_parameter(Name=name, Value="x", Overwrite=True, IfVersion=7)
    line("parameters", "set", name, "2", "--if-version", "1")
    line("parameters", "set", name, "3", "--if-version", "1", status=1)
    assert "2" == ssm.get_parameter(Name=name)["Parameter"]["Value"]


def test_changes_are_told_as_they_come(server: ServerProcess, line: Line, ssm: Any) -> None:
    """And again from any of them on, to whoever was away."""
    name = "/journey/line/watched"
    connection = Connection(server.environment["AWS_ENDPOINT_URL"])
    stream = happenings(connection, "/journey/line", deep=True)
    ready = next(stream)
    ssm.put_parameter(Name=name, Value="1", Type="String")
    created = next(stream)
    ssm.put_parameter(Name=name, Value="2", Overwrite=True)
    updated = next(stream)

    assert ("ready", "change") == (ready.kind, created.kind)
    assert ("Create", name, "String") == tuple(
        created.data[each] for each in ("operation", "name", "type")
    )
    assert "Update" == updated.data["operation"]
    stream.close()
    again = happenings(connection, "/journey/line", deep=True, since=created.id)
    assert ["ready", updated.id] == [next(again).kind, next(again).id]
    again.close()


def test_a_stream_is_for_those_who_may_read(
    server: ServerProcess, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.admin("user", "create", "watcher")
    pair = server.admin("key", "create", "watcher")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", pair["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", pair["SecretAccessKey"])
    told = server.environment
    connection = Connection(told["AWS_ENDPOINT_URL"], told["AWS_REGION"])

    with pytest.raises(CannotWatch, match="AccessDeniedException"):
        next(happenings(connection, "/", deep=True))
    server.admin("user", "delete", "watcher", "--whole")
