"""`ostler parameters`: configuration and secrets, one by one or a file at once."""

import fnmatch
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import ClientError

from ostler.cli import values
from ostler.cli.client import every
from ostler.cli.watching import CannotWatch, Happening, happenings

COLUMNS = {
    "Name": "NAME",
    "Type": "TYPE",
    "Version": "VERSION",
    "Tier": "TIER",
    "LastModifiedDate": "CHANGED",
    "Description": "DESCRIPTION",
}
CHANGES = {"Name": "NAME", "Change": "CHANGE", "Before": "BEFORE", "After": "AFTER"}
MASK = "••••••"

_TYPES = ("String", "StringList", "SecureString")
_AT_ONCE = 10
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Kept:
    """One parameter as the server has it."""

    type: str
    value: str = field(repr=False)


@click.group(invoke_without_command=True)
@click.pass_context
def parameters(context: click.Context) -> None:
    """List the parameters, or act on them."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@parameters.command("list")
@click.argument("path", default="/")
@click.option("--type", "kind", type=click.Choice(_TYPES), help="Only those of this type.")
@click.pass_obj
def list_(context: Any, path: str = "/", kind: str | None = None) -> None:
    """List the parameters below PATH, without their values."""
    filters = [{"Key": "Path", "Option": "Recursive", "Values": [path]}] if path != "/" else []
    if kind:
        filters.append({"Key": "Type", "Values": [kind]})
    given: dict[str, Any] = {"ParameterFilters": filters} if filters else {}
    client = context.connection.client()
    context.output.show(
        list(every(client, "describe_parameters", "Parameters", MaxResults=50, **given)),
        COLUMNS,
        empty="There are no parameters. `ostler parameters set` makes one.",
    )


@parameters.command()
@click.argument("name")
@click.option("--closed", is_flag=True, help="Do not open a secret.")
@click.pass_obj
def get(context: Any, name: str, closed: bool) -> None:
    """Print the value of NAME, which may be NAME:VERSION or NAME:LABEL."""
    answer = context.connection.client().get_parameter(Name=name, WithDecryption=not closed)
    if context.output.for_people:
        click.echo(answer["Parameter"]["Value"])
    else:
        context.output.json(answer["Parameter"])


@parameters.command("set")
@click.argument("name")
@click.argument("value", required=False)
@click.option("--type", "kind", type=click.Choice(_TYPES), help="String for a new parameter.")
@click.option("--secure", is_flag=True, help="The same as --type SecureString.")
@click.option("--new", is_flag=True, help="Refuse to overwrite.")
@click.option("--description")
@click.option("--pattern", help="A regular expression that values have to match.")
@click.option("--data-type", help="text, integer, hostname, json and so on.")
@click.option("--key-id", help="The key that seals a secret.")
@click.option(
    "--if-version",
    type=int,
    metavar="N",
    help="Only if it is at this version; 0: if there is none.",
)
@click.option("--tier", type=click.Choice(["Standard", "Advanced", "Intelligent-Tiering"]))
@click.pass_obj
def set_(context: Any, /, name: str, value: str | None, **options: Any) -> None:
    """Write VALUE as the next version of NAME.

    Without VALUE, or with -, it is read from the standard input: so a secret does not appear
    among the processes or in the shell's history.
    """
    kind = "SecureString" if options["secure"] else options["kind"]
    order = {
        "Name": name,
        "Value": _value(value, hidden=kind == "SecureString"),
        "Overwrite": not options["new"],
        "Type": kind or ("String" if options["new"] else None),
        "Description": options["description"],
        "AllowedPattern": options["pattern"],
        "DataType": options["data_type"],
        "KeyId": options["key_id"],
        "Tier": options["tier"],
        "IfVersion": options["if_version"],
    }
    written = _put(context.connection.client(), order)
    if context.output.for_people:
        context.output.say(f"{name} is written: version {written['Version']}, {written['Tier']}.")
    else:
        context.output.json({"Version": written["Version"], "Tier": written["Tier"]})


@parameters.command()
@click.argument("path", default="/")
@click.option("--flat", is_flag=True, help="Only this level, nothing below it.")
@click.option("--since", default="", metavar="ID", help="Go on after the event of this id.")
@click.pass_obj
def watch(context: Any, path: str, flat: bool, since: str) -> None:
    """Tell what changes below PATH, as soon as it does, until interrupted."""
    try:
        for each in happenings(context.connection, path, deep=not flat, since=since):
            _tell(context.output, each)
    except CannotWatch as fault:
        raise click.ClickException(str(fault)) from fault


@parameters.command()
@click.argument("left")
@click.argument("right")
@click.option("--form", type=click.Choice(values.FORMS), help="Of files; by their names otherwise.")
@click.option("--show-secrets", is_flag=True, help="Do not mask the values of secrets.")
@click.pass_obj
def diff(context: Any, left: str, right: str, form: str | None, show_secrets: bool) -> None:
    """Compare LEFT with RIGHT: each a path of parameters or a file. Differences end with 1."""
    client = context.connection.client()
    before, after = (_side(client, side, form) for side in (left, right))
    changes = _changes(before, {name: each.value for name, each in after.items()})
    secret = {name for side in (before, after) for name, each in side.items() if _secure(each)}
    _show(context, changes, set() if show_secrets else secret)
    if changes:
        sys.exit(1)


@parameters.command("export")
@click.argument("path")
@click.option("--form", type=click.Choice(values.FORMS), help="dotenv unless the file says more.")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="Not to the screen.")
@click.option("--no-secrets", is_flag=True, help="Leave secrets out.")
@click.pass_obj
def export(context: Any, path: str, form: str | None, file: Path | None, no_secrets: bool) -> None:
    """Write the values below PATH, secrets opened, as dotenv, JSON or YAML."""
    kept = _below(context.connection.client(), path)
    wanted = {name: each.value for name, each in kept.items() if not (no_secrets and _secure(each))}
    lists = frozenset(name for name in wanted if kept[name].type == "StringList")
    try:
        text = values.write(values.Values(wanted, lists), values.form_of(file or Path(), form))
    except values.Unreadable as fault:
        raise click.ClickException(str(fault)) from fault
    if file is None:
        click.echo(text, nl=False)
        return
    file.touch(mode=0o600)
    file.write_text(text)
    context.output.say(f"{len(wanted)} values are written to {file}.")


@parameters.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("path")
@click.option("--form", type=click.Choice(values.FORMS), help="By the file's name otherwise.")
@click.option(
    "--secure",
    multiple=True,
    metavar="PATTERN",
    help="New names like *password* become secrets; '*' for all.",
)
@click.option("--delete", is_flag=True, help="Delete what the file does not have.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@click.option("--show-secrets", is_flag=True, help="Do not mask the values of secrets.")
@click.pass_obj
def import_(context: Any, /, file: Path, path: str, **options: Any) -> None:
    """Write the values of FILE below PATH; what is the same already stays as it is."""
    client = context.connection.client()
    wanted = _read(file, options["form"])
    kept = _below(client, path)
    changes = _changes(kept, wanted.texts)
    if not options["delete"]:
        changes = [change for change in changes if change["Change"] != "delete"]
    types = {
        change["Name"]: _type(change["Name"], kept, wanted, options["secure"]) for change in changes
    }
    secret = {name for name, type_ in types.items() if type_ == "SecureString"}
    _show(context, changes, set() if options["show_secrets"] else secret)
    gone = [change["Name"] for change in changes if change["Change"] == "delete"]
    if options["dry_run"]:
        return
    if gone and not options["yes"]:
        click.confirm(f"Delete {len(gone)} parameters?", abort=True)
    for name in sorted(types.keys() - set(gone)):
        text, full = wanted.texts[name], _joined(path, name)
        client.put_parameter(Name=full, Value=text, Type=types[name], Overwrite=True)
    for start in range(0, len(gone), _AT_ONCE):
        names = [_joined(path, name) for name in gone[start : start + _AT_ONCE]]
        client.delete_parameters(Names=names)


def _tell(output: Any, happening: Happening) -> None:
    data = happening.data
    match happening.kind:
        case "change" if not output.for_people:
            click.echo(json.dumps({"id": happening.id, **data}))
        case "change":
            click.echo(
                f"{data['time'][:19]}  {data['operation']:24}{data['name']} ({data['type']})"
            )
        case "lost":
            click.echo("Changes before this are forgotten: read everything again.", err=True)


def _value(given: str | None, *, hidden: bool) -> str:
    if given not in (None, "-"):
        return str(given)
    if given is None and sys.stdin.isatty():
        return str(click.prompt("Value", hide_input=hidden))
    return sys.stdin.read().removesuffix("\n")


def _put(client: Any, order: Mapping[str, Any]) -> Any:
    """Write a parameter; one that is new and of no type in particular is a String."""
    given = {name: value for name, value in order.items() if value is not None}
    try:
        return client.put_parameter(**given)
    except ClientError as error:
        told = error.response.get("Error", {})
        if "Type" in given or "parameter type is required" not in told.get("Message", ""):
            raise
        return client.put_parameter(**given, Type="String")


def _side(client: Any, side: str, form: str | None) -> dict[str, Kept]:
    file = Path(side)
    if file.is_file():
        return {name: Kept("", text) for name, text in _read(file, form).texts.items()}
    if not side.startswith("/"):
        raise click.UsageError(f"{side} is neither a file nor a path of parameters like /app.")
    return _below(client, side)


def _read(file: Path, form: str | None) -> values.Values:
    try:
        return values.read(file.read_text(), values.form_of(file, form))
    except (values.Unreadable, UnicodeDecodeError) as fault:
        raise click.ClickException(f"{file}: {fault}") from fault


def _below(client: Any, path: str) -> dict[str, Kept]:
    """The parameters below a path, by their names from there on."""
    found = every(
        client,
        "get_parameters_by_path",
        "Parameters",
        Path=path,
        Recursive=True,
        WithDecryption=True,
    )
    start = len(path.strip("/"))
    return {
        each["Name"].strip("/")[start:].strip("/"): Kept(each["Type"], each["Value"])
        for each in found
    }


def _joined(path: str, name: str) -> str:
    return f"/{path.strip('/')}/{name}" if path.strip("/") else f"/{name}"


def _secure(kept: Kept) -> bool:
    return kept.type == "SecureString"


def _type(name: str, kept: Mapping[str, Kept], wanted: values.Values, secure: Sequence[str]) -> str:
    """What it is already; of a new one, what its name says or its value looks like."""
    if name in kept:
        return kept[name].type
    if any(fnmatch.fnmatch(name.lower(), pattern.lower()) for pattern in secure):
        return "SecureString"
    return "StringList" if name in wanted.lists else "String"


def _changes(before: Mapping[str, Kept], after: Mapping[str, str]) -> list[dict[str, str]]:
    changes = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old is None and new is not None:
            changes.append({"Name": name, "Change": "create", "Before": "", "After": new})
        elif old is not None and new is None:
            changes.append({"Name": name, "Change": "delete", "Before": old.value, "After": ""})
        elif old is not None and new is not None and old.value != new:
            changes.append({"Name": name, "Change": "update", "Before": old.value, "After": new})
    return changes


def _show(context: Any, changes: Sequence[Mapping[str, str]], masked: set[str]) -> None:
    shown = [
        {
            **change,
            **{
                side: _shown(change[side], masked=change["Name"] in masked)
                for side in ("Before", "After")
            },
        }
        for change in changes
    ]
    context.output.show(shown, CHANGES, empty="Nothing differs.")


def _shown(value: str, *, masked: bool) -> str:
    if masked and value:
        return MASK
    line = value.replace("\n", "⏎")
    return line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…"
