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
            self.console.print(empty)
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for place, title in enumerate(columns.values()):
            # The first column is what people copy: an id stays on one line.
            table.add_column(title, overflow="fold", no_wrap=place == 0)
        for item in items:
            table.add_row(*(_cell(item.get(name)) for name in columns))
        self.console.print(table)

    def json(self, value: Any) -> None:
        """Any value as JSON, times as ISO 8601."""
        click.echo(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))

    def say(self, text: str) -> None:
        """A line for people; programs do not see it."""
        if self.for_people:
            self.console.print(text, markup=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
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
            return (
                f"{error}\nIs the server running, and does AWS_ENDPOINT_URL name it?  ostler doctor"
            )
        case botocore_errors.SSLError():
            return (
                f"{error}\n"
                "The server's certificate is not trusted here: AWS_CA_BUNDLE has to name its CA "
                "(GET /ca.pem)."
            )
        case botocore_errors.ClientError():
            told = error.response.get("Error", {})
            code, message = told.get("Code", ""), told.get("Message", "")
            request = error.response.get("ResponseMetadata", {}).get("RequestId", "")
            advice = ADVICE.get(code, "")
            lines = [f"{code}: {message or 'the server gives no further reason.'}", advice]
            if request and code in ("InternalServerError", "InternalFailure"):
                lines.append(f"Request {request}")
            return "\n".join(line for line in lines if line)
    return str(error)


ADVICE = {
    "AccessDeniedException": "Ask your administrator for a policy that allows it.",
    "InvalidInstanceId": "`ostler nodes` lists the nodes there are.",
    "InvalidDocument": "`aws ssm list-documents` lists the documents there are.",
    "InvalidSignatureException": "Check the secret access key, and this machine's clock.",
    "UnrecognizedClientException": "Check AWS_ACCESS_KEY_ID; is it of this server?",
    "NotYetImplemented": "docs/coverage.md lists what is built.",
}


def fail(text: str, status: int = 1) -> None:
    """Tell an error and end with `status`."""
    click.echo(f"ostler: {text}", err=True)
    sys.exit(status)
