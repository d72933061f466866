"""`ostler identity`: who may do what, and which statement says so."""

from collections.abc import Mapping
from typing import Any

import click

from ostler.cli.client import every

COLUMNS = {
    "Layer": "LAYER",
    "Says": "SAYS",
    "Policy": "POLICY",
    "StatementId": "STATEMENT",
    "Holder": "OF",
}
WHO_CAN = {
    "Principal": "WHO",
    "Policy": "POLICY",
    "StatementId": "STATEMENT",
    "Holder": "OF",
}
LAYERS = {"identity": "policies", "boundary": "permissions boundary"}
DECISIONS = {
    "allowed": "may",
    "explicitDeny": "may not, by an explicit denial,",
    "implicitDeny": "may not, for nothing allows it,",
}


@click.group()
def identity() -> None:
    """Ask who may do what, and why."""


@identity.command()
@click.argument("principal")
@click.argument("action")
@click.argument("resource", default="*")
@click.option("--context", "entries", multiple=True, metavar="KEY=VALUE", help="As aws:SourceIp=…")
@click.pass_obj
def why(context: Any, principal: str, action: str, resource: str, entries: tuple[str, ...]) -> None:
    """Whether PRINCIPAL may do ACTION to RESOURCE, and which statement decides.

    PRINCIPAL is an ARN, or alice, user/alice, role/Deploy; ACTION as in ssm:SendCommand;
    RESOURCE an ARN.
    """
    connection = context.connection
    arn = principal if principal.startswith("arn:") else _arn(connection, principal)
    answer = connection.client("iam").explain_access(
        PrincipalArn=arn,
        ActionName=action,
        ResourceArn=resource,
        ContextEntries=[_entry(text) for text in entries],
    )
    answer.pop("ResponseMetadata", None)
    if not context.output.for_people:
        context.output.json(answer)
        return
    of = "" if resource == "*" else f" on {resource}"
    context.output.say(f"{arn} {DECISIONS[answer['Decision']]} do {action}{of}.")
    context.output.show([_reason(each) for each in answer["Reasons"]], COLUMNS)
    for each in answer["Reasons"]:
        if each.get("Statement"):
            context.output.say(each["Statement"])


@identity.command("who-can")
@click.argument("action")
@click.argument("resource", default="*")
@click.option("--context", "entries", multiple=True, metavar="KEY=VALUE", help="As aws:SourceIp=…")
@click.pass_obj
def who_can(context: Any, action: str, resource: str, entries: tuple[str, ...]) -> None:
    """The users and roles that may do ACTION to RESOURCE, and which statement lets them."""
    client = context.connection.client("iam")
    found = list(
        every(
            client,
            "list_principals_with_access",
            "Principals",
            marker="Marker",
            ActionName=action,
            ResourceArn=resource,
            ContextEntries=[_entry(text) for text in entries],
        )
    )
    if not context.output.for_people:
        context.output.json(found)
        return
    rows = [
        {**each, "Policy": _policy(each), "Principal": each["Arn"].rpartition(":")[2]}
        for each in found
    ]
    context.output.show(rows, WHO_CAN, empty="Nobody may.")


def _arn(connection: Any, name: str) -> str:
    """The ARN of a user or role whose path is in the name, if it has one."""
    kind, _, rest = name.partition("/")
    if kind not in ("user", "role") or not rest:
        kind, rest = "user", name
    account = connection.client("sts").get_caller_identity()["Account"]
    return f"arn:aws:iam::{account}:{kind}/{rest}"


def _entry(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise click.BadParameter(f"{text} is not KEY=VALUE.", param_hint="--context")
    return {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}


def _reason(reason: Mapping[str, Any]) -> dict[str, Any]:
    decided = "PolicyName" in reason
    verb = "allow" if reason["Allowed"] else "deny" if decided else "do not allow"
    return {
        **reason,
        "Layer": LAYERS.get(reason["Layer"], reason["Layer"]),
        "Says": verb,
        "Policy": _policy(reason) if decided else "",
    }


def _policy(found: Mapping[str, Any]) -> str:
    """A managed policy by its ARN, an inline one by its name."""
    return str(found.get("PolicyArn") or found["PolicyName"])
