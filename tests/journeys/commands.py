"""What journeys do again and again: send a script, wait for its end, look at the answer."""

from typing import Any

from tests.support.processes import eventually

ENDED = {"Success", "Failed", "TimedOut", "Cancelled"}


def send(ssm: Any, script: str, **given: Any) -> str:
    """Send a shell script, to the fleet unless told otherwise; the command's id."""
    given = {"Targets": [{"Key": "tag:role", "Values": ["fleet"]}]} | given
    if "InstanceIds" in given:
        del given["Targets"]
    parameters = {"commands": [script], **given.pop("Parameters", {})}
    sent = ssm.send_command(DocumentName="AWS-RunShellScript", Parameters=parameters, **given)
    return str(sent["Command"]["CommandId"])


def told(ssm: Any, command: str) -> dict[str, Any]:
    """The command as it is now."""
    found: dict[str, Any] = ssm.list_commands(CommandId=command)["Commands"][0]
    return found


def ended(ssm: Any, command: str) -> dict[str, Any]:
    """The command, once it has ended."""

    def found() -> dict[str, Any] | None:
        now = told(ssm, command)
        return now if now["Status"] in ENDED else None

    return eventually(f"the end of {command}", found)


def answer(ssm: Any, command: str, node: str, step: str = "") -> dict[str, Any]:
    """What one node answered, of one step if it is named."""
    named = {"PluginName": step} if step else {}
    found: dict[str, Any] = ssm.get_command_invocation(CommandId=command, InstanceId=node, **named)
    return found


def invocations(ssm: Any, command: str, **given: Any) -> list[dict[str, Any]]:
    """What the command does on each of its nodes."""
    found: list[dict[str, Any]] = ssm.list_command_invocations(CommandId=command, **given)[
        "CommandInvocations"
    ]
    return found


def described(ssm: Any, node: str) -> dict[str, Any]:
    """A node as DescribeInstanceInformation tells of it."""
    found: dict[str, Any] = ssm.describe_instance_information(
        Filters=[{"Key": "InstanceIds", "Values": [node]}]
    )["InstanceInformationList"][0]
    return found


def node_online(ssm: Any, node: str) -> dict[str, Any]:
    """The node, once it is online and has reported."""

    def found() -> dict[str, Any] | None:
        now = described(ssm, node)
        return now if now["PingStatus"] == "Online" and "PlatformType" in now else None

    return eventually(f"{node} to be online", found)
