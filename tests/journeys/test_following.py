"""Following a command by `ostler`: lines come while the script runs, and all of them come."""

from typing import Any

from ostler.cli.client import Connection
from ostler.cli.following import Follower, Line
from tests.support.processes import ServerProcess


def extended(server: ServerProcess, monkeypatch: Any) -> Any:
    """A client that knows our own extensions, as `ostler` makes it."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return Connection().client()


def test_lines_come_while_the_script_runs(
    server: ServerProcess, ssm: Any, fleet: list[str], monkeypatch: Any, tmp_path: Any
) -> None:
    """The script goes on only once its first line has been seen."""
    seen = tmp_path / "seen"
    script = f"echo first; while [ ! -e {seen} ]; do sleep 0.1; done; echo last; echo bad >&2"
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=fleet[:1],
        Parameters={"commands": [script], "executionTimeout": ["60"]},
    )
    lines: list[Line] = []

    def write(line: Line) -> None:
        lines.append(line)
        seen.touch()

    client = extended(server, monkeypatch)
    told = Follower(client, sent["Command"]["CommandId"], write, lambda _: None).follow()

    assert "Success" == told["Status"]
    assert "first" == lines[0].text
    assert {("stdout", "first"), ("stdout", "last"), ("stderr", "bad")} == {
        (line.stream, line.text) for line in lines
    }


def test_whole_output_is_longer_than_the_api_shows(
    server: ServerProcess, ssm: Any, fleet: list[str], monkeypatch: Any
) -> None:
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=fleet[:1],
        Parameters={"commands": ["seq 200000"]},
    )
    lines: list[Line] = []
    client = extended(server, monkeypatch)

    Follower(client, sent["Command"]["CommandId"], lines.append, lambda _: None).follow()

    assert [str(number) for number in range(1, 200_001)] == [line.text for line in lines]
