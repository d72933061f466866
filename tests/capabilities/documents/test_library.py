"""The house's own documents: there for everybody, sound, and of the shape clients expect."""

import hashlib
import json
import subprocess

import pytest

from ostler.capabilities.documents import library
from ostler.capabilities.documents.errors import InvalidDocument, InvalidDocumentVersion
from ostler.foundation.errors import AccessDeniedException
from ostler.grammar.documents import bind, environment_of, inputs_of, interpolate
from tests.capabilities.documents.conftest import Office
from tests.support.calls import allowing


@pytest.fixture
def engine() -> str:
    """What differs between the databases is tested with the store."""
    return "sqlite"


PACKAGE = b"a package"
SUM = hashlib.sha256(PACKAGE).hexdigest()
NAMES = [
    "AWS-ConfigureAWSPackage",
    "AWS-GatherSoftwareInventory",
    "AWS-InstallApplication",
    "AWS-Noop",
    "AWS-RefreshAssociation",
    "AWS-RunDocument",
    "AWS-RunPowerShellScript",
    "AWS-RunRemoteScript",
    "AWS-RunShellScript",
    "AWS-UpdateSSMAgent",
    "Ostler-EnsureCronJob",
    "Ostler-EnsureFile",
    "Ostler-EnsureLine",
    "Ostler-EnsurePackage",
    "Ostler-EnsureService",
    "Ostler-EnsureSysctl",
    "Ostler-EnsureUser",
]


def test_the_documents_that_come_with_the_house():
    assert NAMES == list(library.shipped())


@pytest.mark.parametrize("name", NAMES)
async def test_each_is_described_and_got_in_every_account(customer, stranger, name):
    described = (await customer.ask("DescribeDocument", Name=name))["Document"]

    assert ("Amazon", "1", "1", "Active", "JSON") == tuple(
        described[member]
        for member in ("Owner", "DefaultVersion", "LatestVersion", "Status", "DocumentFormat")
    )
    assert json.loads((await stranger.ask("GetDocument", Name=name))["Content"])
    assert 1 == len((await stranger.ask("ListDocumentVersions", Name=name))["DocumentVersions"])


async def test_run_shell_script_is_what_clients_know(customer):
    described = (await customer.ask("DescribeDocument", Name="AWS-RunShellScript"))["Document"]

    assert ["Linux", "MacOS"] == described["PlatformTypes"]
    assert "1.2" == described["SchemaVersion"]
    assert [
        ("commands", "StringList", None),
        ("workingDirectory", "String", ""),
        ("executionTimeout", "String", "3600"),
    ] == [
        (each["Name"], each["Type"], each.get("DefaultValue")) for each in described["Parameters"]
    ]


def test_run_shell_script_hands_its_parameters_to_the_plugin():
    document = library.shipped()["AWS-RunShellScript"].document
    bound = bind(document, {"commands": ["date", "uptime"], "workingDirectory": ["/tmp"]})
    [step] = document.steps

    assert ("aws:runShellScript", "aws:runShellScript") == (step.name, step.action)
    assert [
        {
            "id": "0.aws:runShellScript",
            "runCommand": ["date", "uptime"],
            "workingDirectory": "/tmp",
            "timeoutSeconds": "3600",
        }
    ] == inputs_of(step, bound.values, document)


@pytest.mark.parametrize(
    ("seconds", "fits"), [("1", True), ("172800", True), ("172801", False), ("0", False)]
)
def test_a_script_may_take_two_days(seconds, fits):
    document = library.shipped()["AWS-RunShellScript"].document
    given = {"commands": ["date"], "executionTimeout": [seconds]}

    if fits:
        bind(document, given)
    else:
        with pytest.raises(Exception, match="allowed pattern"):
            bind(document, given)


def test_an_applications_source_does_not_become_code():
    document = library.shipped()["AWS-InstallApplication"].document
    bound = bind(document, {"source": ["x; rm -rf /"], "parameters": ['"; reboot; "']})
    script = inputs_of(document.steps[1], bound.values, document)["runCommand"][0]

    assert "rm -rf /;" not in script
    assert "reboot" not in script


async def test_they_have_one_version(customer):
    for version in ("1", "$LATEST", "$DEFAULT"):
        await customer.ask("GetDocument", Name="AWS-Noop", DocumentVersion=version)

    for given in ({"DocumentVersion": "2"}, {"VersionName": "one"}):
        with pytest.raises(InvalidDocumentVersion):
            await customer.ask("GetDocument", Name="AWS-Noop", **given)


async def test_they_belong_to_no_account(office: Office, customer, scope):
    arn = f"arn:aws:ssm:{scope.region}::document/AWS-Noop"
    reader = office.customer(scope, allowing("ssm:GetDocument", arn))

    assert "AWS-Noop" == (await reader.ask("GetDocument", Name="AWS-Noop"))["Name"]
    assert "AWS-Noop" == (await reader.ask("GetDocument", Name=arn))["Name"]
    with pytest.raises(AccessDeniedException, match="::document/AWS-RunShellScript"):
        await reader.ask("GetDocument", Name="AWS-RunShellScript")


@pytest.mark.parametrize("operation", ["DeleteDocument", "DescribeDocumentPermission"])
async def test_nobody_owns_them(customer, operation):
    given = {"PermissionType": "Share"} if operation.startswith("Describe") else {}

    with pytest.raises(InvalidDocument):
        await customer.ask(operation, Name="AWS-Noop", **given)


APT = """#!/bin/sh
echo "apt-get $*" >>"$LOG"
"""


@pytest.mark.parametrize(
    ("given", "status", "asked"),
    [
        ({"source": ["jq"]}, 0, ["apt-get update -q", "apt-get install -y -- jq"]),
        (
            {"source": ["jq"], "parameters": ["--no-install-recommends -q"]},
            0,
            ["apt-get update -q", "apt-get install -y --no-install-recommends -q -- jq"],
        ),
        ({"source": ["jq"], "action": ["Uninstall"]}, 0, ["apt-get remove -y -- jq"]),
        ({"source": ["jq"], "action": ["Repair"]}, 0, ["apt-get install -y --reinstall -- jq"]),
        ({"source": ["FILE"]}, 0, ["apt-get install -y -- FILE"]),
        ({"source": ["FILE"], "sourceHash": [SUM.upper()]}, 0, ["apt-get install -y -- FILE"]),
        ({"source": ["FILE"], "sourceHash": ["0" * 64]}, 1, []),
        ({"source": ["jq"], "sourceHash": ["0" * 64]}, 1, []),
        ({"source": ["/no/such/file.deb"]}, 1, []),
        ({"source": ["--allow-everything"]}, 1, []),
        ({"source": ["$(reboot)"]}, 0, ["apt-get update -q", "apt-get install -y -- $(reboot)"]),
    ],
)
@pytest.mark.parametrize("by_environment", [True, False], ids=["new agents", "old agents"])
def test_applications_are_installed_on_linux(tmp_path, given, status, asked, by_environment):
    """The step's script, against a package manager that only writes down what it is asked."""
    package = tmp_path / "tool.deb"
    package.write_bytes(PACKAGE)
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text(APT)
    apt.chmod(0o755)
    document = library.shipped()["AWS-InstallApplication"].document
    texts = {name: [text.replace("FILE", str(package)) for text in given[name]] for name in given}
    values = bind(document, texts).values
    step = document.steps[1]
    inputs = (
        inputs_of(step, values, document) if by_environment else interpolate(step.inputs, values)
    )
    environment = environment_of(values, document) if by_environment else {}
    log = tmp_path / "log"
    log.touch()
    script = tmp_path / "script.sh"
    script.write_text("\n".join(inputs["runCommand"]))
    ended = subprocess.run(
        ["/bin/sh", script],
        env={"PATH": f"{apt.parent}:/usr/bin:/bin", "LOG": str(log), **environment},
        capture_output=True,
        check=False,
    )

    assert status == ended.returncode, ended.stderr
    assert asked == log.read_text().replace(str(package), "FILE").splitlines()
