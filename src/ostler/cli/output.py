"""What people and programs read: tables or JSON, and errors that say what to do."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from botocore import exceptions as botocore_errors
from rich.console import Console
from rich.table import Table

STYLES = {
    "Success": "green",
    "Online": "green",
    "Failed": "red",
    "TimedOut": "red",
    "ConnectionLost": "red",
    "Cancelled": "yellow",
    "Cancelling": "yellow",
    "InProgress": "cyan",
    "Pending": "cyan",
}

# A row is one line, as long as it has to be: ids are for copying, rows for `grep`.
UNBROKEN = 10_000


class Output:
    """Writes answers in the form that was asked for."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.console = Console(highlight=False)

    @property
    def for_people(self) -> bool:
        """Whether a person reads, not a program."""
        return self.form == "table"

    def show(
        self,
        items: Sequence[Mapping[str, Any]],
        columns: Mapping[str, str],
        *,
        empty: str = "Nothing found.",
    ) -> None:
        """A table with a column for each wire name, or the items as JSON."""
        if not self.for_people:
            self.json(list(items))
            return
        if not items:
            click.echo(empty)
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in columns.values():
            table.add_column(title)
        for item in items:
            table.add_row(*(_cell(item.get(name)) for name in columns))
        Console(highlight=False, width=UNBROKEN).print(table)

    def json(self, value: Any) -> None:
        """Any value as JSON, times as ISO 8601."""
        click.echo(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))

    def say(self, text: str) -> None:
        """A line for people; programs do not see it."""
        if self.for_people:
            click.echo(text)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M")
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    style = STYLES.get(text)
    return f"[{style}]{text}[/]" if style else text.replace("[", r"\[")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def explain(error: Exception) -> str:
    """What went wrong, why, and what to do about it."""
    match error:
        case botocore_errors.NoCredentialsError() | botocore_errors.PartialCredentialsError():
            return (
                "There are no credentials.\n"
                "Load those of your server first:  . var/server/client.env"
            )
        case botocore_errors.EndpointConnectionError() | botocore_errors.ConnectTimeoutError():
            if ".amazonaws.com" in str(error):
                return f"{error}\nLoad the settings of your server first:  . var/server/client.env"
            return (
                f"{error}\nIs the server running, and does AWS_ENDPOINT_URL name it?  ostler doctor"
            )
        case botocore_errors.ConnectionClosedError() if 'URL: "http://' in str(error):
            return f"{error}\nThe server speaks TLS: the endpoint begins with https://."
        case botocore_errors.SSLError():
            return (
                f"{error}\n"
                "The server's certificate is not trusted here: AWS_CA_BUNDLE has to name the file "
                "of its CA, var/server/tls/ca.pem or GET /ca.pem."
            )
        case botocore_errors.ClientError():
            told = error.response.get("Error", {})
            code, message = told.get("Code", ""), told.get("Message", "")
            request = error.response.get("ResponseMetadata", {}).get("RequestId", "")
            lines = [f"{code}: {message}" if message else f"{code}.", _advice(code, message)]
            if request not in message and code in ("InternalServerError", "InternalFailure"):
                lines.append(f"Request {request}")
            return "\n".join(line for line in lines if line)
    return str(error)


def _advice(code: str, message: str) -> str:
    if code == "ValidationException":
        return next((advice for place, advice in PLACES.items() if f"'{place}'" in message), "")
    return ADVICE.get(code, "")


NODES = "`ostler nodes` lists the nodes there are."
ACTIVATIONS = "`ostler activations` lists the activations there are."

ADVICE = {
    "AccessDeniedException": "Ask your administrator for a policy that allows it.",
    "InvalidActivation": ACTIVATIONS,
    "InvalidActivationId": ACTIVATIONS,
    "InvalidCommandId": "`ostler commands` lists the commands there are.",
    "InvalidDocument": "`aws ssm list-documents` lists the documents there are.",
    "InvalidInstanceId": NODES,
    "InvalidResourceId": NODES,
    "InvalidSignatureException": "Check the secret access key, and this machine's clock.",
    "UnrecognizedClientException": "Check AWS_ACCESS_KEY_ID; is it of this server?",
}

# Where a value breaks a rule of the API, and what else to look at.
PLACES = {
    "activationId": ACTIVATIONS,
    "instanceId": NODES,
    "instanceIds": NODES,
    "resourceId": NODES,
}


def fail(text: str, status: int = 1) -> None:
    """Tell an error and end with `status`."""
    click.echo(f"ostler: {text}", err=True)
    sys.exit(status)
