"""What `ostler` says to mistakes: what is wrong, what to do, and a status to be trusted."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ostler.cli.main import main
from tests.support.processes import ServerProcess

NOWHERE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Done:
    """How a run of `ostler` ended, and what it wrote."""

    status: int
    out: str
    err: str


Ostler = Callable[..., Done]


@pytest.fixture
def ostler(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ostler:
    """Runs the command line as somebody who has read client.env; `changed` are more variables."""

    def run(*words: str, **changed: str) -> Done:
        for name, value in (server.environment | changed).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        status = 0
        try:
            main(words)
        except SystemExit as end:
            status = int(end.code or 0)
        return Done(status, *capsys.readouterr())

    return run


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        pytest.param("run --tag role=nobody true", 1, "No node was meant", id="no such tag"),
        pytest.param("run true", 2, "Before SCRIPT say whom", id="nobody named"),
        pytest.param("run true --all", 2, "Before SCRIPT say whom", id="options last"),
        pytest.param("run --all --timeout 5 true", 2, "30<=x", id="too little time"),
        pytest.param("run --node web1 true", 1, "`ostler nodes` lists", id="a node's name"),
        pytest.param("nodes tag mi-00000000000000000 a=b", 1, "`ostler nodes` lists", id="no node"),
        pytest.param(f"commands show {NOWHERE}", 1, "There is no command", id="no command"),
        pytest.param(f"commands follow {NOWHERE}", 1, "There is no command", id="no output"),
        pytest.param("commands show it", 2, "no command's id", id="no id"),
        pytest.param("--endpoint-url localhost nodes", 1, "https://localhost", id="no URL"),
    ],
)
def test_a_mistake_is_told(
    ostler: Ostler, fleet: list[str], words: str, status: int, told: str
) -> None:
    done = ostler(*words.split())

    assert status == done.status, done
    assert told in done.out + done.err


def test_plain_text_at_a_port_with_tls(server: ServerProcess, ostler: Ostler) -> None:
    plain = server.environment["AWS_ENDPOINT_URL"].replace("https", "http")

    assert "begins with https://" in ostler("nodes", AWS_ENDPOINT_URL=plain).err


def test_a_wrong_authority_is_told_by_the_doctor(ostler: Ostler) -> None:
    done = ostler("-o", "json", "doctor", AWS_CA_BUNDLE="/nowhere.pem")

    assert ("tls", False) == [(each["check"], each["ok"]) for each in json.loads(done.out)][-1]


def test_a_node_that_may_not_be_asked_has_not_succeeded(
    server: ServerProcess, ostler: Ostler, ssm: Any, fleet: list[str]
) -> None:
    """AWS calls such a command a success; whoever meant all nodes wants to know."""
    ssm.add_tags_to_resource(
        ResourceType="ManagedInstance", ResourceId=fleet[0], Tags=[{"Key": "may", "Value": "be"}]
    )
    key = _who_may_only_use_nodes_tagged_so(server)

    done = ostler("run", "--tag", "role=fleet", "echo done", **key)

    assert 1 == done.status
    assert "Success (exit status 0): " + fleet[0] in done.out
    assert "AccessDenied: " + ", ".join(fleet[1:]) in done.out


def test_words_are_one_line_as_for_ssh(ostler: Ostler, fleet: list[str]) -> None:
    done = ostler("run", "--node", fleet[0], "echo", "-n", "as", "is")

    assert ["as is", "1 Success"] == done.out.splitlines()[1:]


def test_tags_and_being_online_can_be_asked_for_at_once(ostler: Ostler, fleet: list[str]) -> None:
    done = ostler("-o", "json", "nodes", "--online", "--tag", "role=fleet")

    assert fleet == sorted(node["InstanceId"] for node in json.loads(done.out))


def _who_may_only_use_nodes_tagged_so(server: ServerProcess) -> dict[str, str]:
    statements = [
        {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:*:*:document/*"},
        {
            "Effect": "Allow",
            "Action": "ssm:SendCommand",
            "Resource": "*",
            "Condition": {"StringEquals": {"ssm:resourceTag/may": "be"}},
        },
        {"Effect": "Allow", "Action": ["ssm:List*", "ssm:Get*"], "Resource": "*"},
    ]
    policy = server.data.parent / "use.json"
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    server.admin("policy", "create", "OnlyTagged", str(policy))
    server.admin("user", "create", "cautious")
    server.admin("user", "attach", "cautious", "OnlyTagged")
    made = server.admin("key", "create", "cautious")
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
    }
