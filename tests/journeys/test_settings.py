"""The server as its operator meets it: settings, files for clients, listeners, restarts."""

import json
import socket
import ssl
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from ostler.server import admin, main
from tests.support.processes import ServerProcess, environment, run

ACCOUNT, REGION = "123456789012", "eu-north-1"
KEY, SECRET = "OPERATORSOWNKEY", "a secret/of+the operator's own"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that is told everything by the environment, in a folder of an awkward name."""
    data = Path(tmp_path_factory.mktemp("it's a server")) / "data of it"
    running = ServerProcess(
        data,
        settings={
            "OSTLER_ACCOUNT": ACCOUNT,
            "OSTLER_REGION": REGION,
            "OSTLER_ACCESS_KEY": KEY,
            "OSTLER_SECRET_KEY": SECRET,
            "OSTLER_HTTP_PORT": str(free_port()),
            "OSTLER_PARAMETER_SIZE": "20000",
            "OSTLER_ADVANCED_PARAMETER_SIZE": "300000",
        },
    ).start()
    yield running
    running.stop()


def test_the_operator_chooses_account_key_and_region(server: ServerProcess) -> None:
    told = server.environment

    assert (KEY, SECRET, REGION, REGION) == (
        told["AWS_ACCESS_KEY_ID"],
        told["AWS_SECRET_ACCESS_KEY"],
        told["AWS_REGION"],
        told["AWS_DEFAULT_REGION"],
    )
    assert [ACCOUNT] == [each["Account"] for each in server.admin("account", "list")]


def test_parameters_are_as_large_as_the_operator_lets_them(server: ServerProcess) -> None:
    ssm = server.client()

    ssm.put_parameter(Name="standard", Value="v" * 20_000, Type="String")
    ssm.put_parameter(Name="large", Value="v" * 300_000, Type="SecureString", Tier="Advanced")

    found = ssm.get_parameter(Name="large", WithDecryption=True)["Parameter"]["Value"]
    assert "v" * 300_000 == found
    with pytest.raises(ClientError, match="20000 characters"):
        ssm.put_parameter(Name="standard", Value="v" * 20_001, Type="String", Overwrite=True)


def test_a_shell_that_reads_client_env_has_all_that_clients_need(server: ServerProcess) -> None:
    script = '. "$1" && exec env -0'
    shell = ["sh", "-c", script, "sh", str(server.data / "client.env")]
    mine = environment() | {"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "old"}

    done = run(shell, mine)

    found = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    assert server.environment == {name: found[name] for name in server.environment}
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(found)
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        assert Path(found[name]).is_file()


def test_whoever_is_not_the_owner_reads_no_secret(server: ServerProcess) -> None:
    secret = ("client.env", "keys", "tls/ca.key", "tls/server.pem")

    assert 0o700 == stat.S_IMODE(server.data.stat().st_mode)
    assert {0o600} == {stat.S_IMODE((server.data / name).stat().st_mode) for name in secret}


def test_the_stock_agents_file_names_this_server(server: ServerProcess) -> None:
    told = json.loads((server.data / "amazon-ssm-agent.json").read_text())

    assert {"Region": REGION, "ServiceDomain": f"ostler.internal:{server.port}"} == told["Agent"]
    assert ["OnPrem"] == told["Identity"]["ConsumptionOrder"]


def test_tls_is_for_every_name_under_which_clients_come(server: ServerProcess) -> None:
    trust = ssl.create_default_context(cafile=server.environment["AWS_CA_BUNDLE"])

    for name in (
        "localhost",
        "127.0.0.1",
        f"ssm.{REGION}.ostler.internal",
        f"ssmmessages.{REGION}.ostler.internal",
        f"ec2messages.{REGION}.ostler.internal",
        socket.gethostname(),
    ):
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            trust.wrap_socket(plain, server_hostname=name) as line,
        ):
            assert line.version() in ("TLSv1.2", "TLSv1.3")


def test_plain_http_is_served_where_it_is_asked_for_and_on_loopback_only(
    server: ServerProcess,
) -> None:
    port = int(server.settings["OSTLER_HTTP_PORT"])

    client = server.client(endpoint_url=f"http://127.0.0.1:{port}", verify=None)

    assert client.list_documents()["DocumentIdentifiers"]
    assert {"0100007F"} == listeners(port)


def listeners(port: int) -> set[str]:
    """The addresses, as the kernel writes them, at which somebody listens on a port."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            address, _, number = line.split()[1].partition(":")
            if line.split()[3] == "0A" and int(number, 16) == port:
                found.add(address)
    return found


def test_a_restart_keeps_everything(server: ServerProcess) -> None:
    ssm = server.client()
    document = json.dumps(
        {
            "schemaVersion": "2.2",
            "mainSteps": [
                {"action": "aws:runShellScript", "name": "x", "inputs": {"runCommand": ["true"]}}
            ],
        }
    )
    ssm.create_document(
        Name="Journey.Kept",
        Content=document,
        DocumentType="Command",
        Tags=[{"Key": "kept", "Value": "yes"}],
    )
    activation = ssm.create_activation(IamRole="OstlerManagedInstance")
    server.admin("user", "create", "kept")
    server.admin("user", "attach", "kept", "AmazonSSMReadOnlyAccess")
    pair = server.admin("key", "create", "kept")
    before = server.environment

    server.stop()
    server.start()

    assert before == server.environment
    kept = server.client_of(pair)
    assert document == kept.get_document(Name="Journey.Kept")["Content"]
    tags = kept.list_tags_for_resource(ResourceType="Document", ResourceId="Journey.Kept")
    assert [{"Key": "kept", "Value": "yes"}] == tags["TagList"]
    told = kept.describe_activations()["ActivationList"]
    assert [activation["ActivationId"]] == [each["ActivationId"] for each in told]


def test_a_server_says_when_it_is_ready_and_ends_with_a_signal(server: ServerProcess) -> None:
    trust = ssl.create_default_context(cafile=server.environment["AWS_CA_BUNDLE"])
    url = f"https://127.0.0.1:{server.port}"

    with urlopen(f"{url}/health", context=trust) as answer:
        assert {"status": "ok", "region": REGION} == json.load(answer)

    assert 0 == server.stop()
    server.start()


@pytest.mark.parametrize(
    ("words", "settings", "text"),
    [
        ([], {"OSTLER_ACCOUNT": "12"}, "account is a number of 12 digits."),
        ([], {"OSTLER_ACCESS_KEY": "x"}, "access_key and secret_key go together"),
        ([], {"OSTLER_PORT": "eighty"}, "port is a number from 0 to 65535, not 'eighty'."),
        ([], {"OSTLER_HTTP_PORT": "70000"}, "http_port is a number"),
        ([], {"OSTLER_CONTROL_CHANNEL": "maybe"}, "control_channel is true or false"),
        ([], {"OSTLER_CERTIFICATE": "x.pem"}, "certificate and certificate_key go together"),
        (["--config", "no-such-file.toml"], {}, "no-such-file.toml"),
        (["--config", "CONFIG"], {}, "There is no setting colour."),
    ],
)
def test_a_wrong_setting_is_told_and_starts_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    settings: dict[str, str],
    text: str,
) -> None:
    config = tmp_path / "server.toml"
    config.write_text('colour = "red"\n')
    named = [str(config) if word == "CONFIG" else word for word in words]
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    status = main.main(["--data", str(tmp_path / "data"), *named])

    told = capsys.readouterr().err
    assert 2 == status
    assert told.startswith("ostler-server: ")
    assert text in told
    assert not (tmp_path / "data").exists()


def test_a_port_in_use_is_told(server: ServerProcess, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ostler.server.main", "--data", str(tmp_path / "data")]
    command += ["--host", "127.0.0.1", "--port", str(server.port)]

    done = run(command, environment())

    assert 1 == done.returncode
    assert "ddress already in use" in done.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["user", "show", "nobody"], "NoSuchEntity"),
        (["user", "create", "administrator"], "EntityAlreadyExists"),
        (["user", "list", "--account", "no-such-account"], "no account no-such-account"),
        (["role", "put-policy", "OstlerManagedInstance", "x", "no-such-file"], "no-such-file"),
    ],
)
def test_admin_says_what_it_cannot_do(
    server: ServerProcess, capsys: pytest.CaptureFixture[str], words: list[str], text: str
) -> None:
    status = admin.main([*words, "--data", str(server.data)])

    told = capsys.readouterr()
    assert (1, "") == (status, told.out)
    assert told.err.startswith("ostler-server admin: ")
    assert text in told.err


def test_admin_asks_which_of_two_accounts_of_one_name(
    server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        server.admin("account", "create", "twin")

    status = admin.main(["user", "list", "--account", "twin", "--data", str(server.data)])

    assert 1 == status
    assert "2 accounts are called twin" in capsys.readouterr().err


def test_admin_needs_a_server_to_administer(tmp_path: Path) -> None:
    done = ServerProcess(tmp_path / "none").ask_admin("user", "list")

    assert 1 == done.returncode
    assert "No server keeps its keys" in done.stderr
    assert not (tmp_path / "none").exists()


def test_admin_prints_tables_for_people(server: ServerProcess) -> None:
    done = server.ask_admin("account", "list")

    assert 0 == done.returncode
    assert ["Account", "Name", "Created"] == done.stdout.splitlines()[0].split()
    assert ACCOUNT in done.stdout
