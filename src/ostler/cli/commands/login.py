"""`ostler login`: sign in at the provider in a browser, and get keys for a while."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from ostler.cli.profiles import Profiles
from ostler.cli.signin import SignIn, SignInFailed

WITHOUT_BROWSER = "Open this address in a browser of this machine:"


@click.command()
@click.option("--role", help="The role to take on, by name or ARN; needed where there are several.")
@click.option("--save-as", default="ostler", metavar="PROFILE", help="The AWS profile to write.")
@click.option("--hours", type=click.IntRange(1, 12), default=1, help="Good for how long.")
@click.option(
    "--client-secret",
    envvar="OSTLER_OIDC_CLIENT_SECRET",
    default="",
    help="For providers that want one even of programs (OSTLER_OIDC_CLIENT_SECRET).",
)
@click.option("--no-browser", is_flag=True, help="Print the address, open nothing.")
@click.pass_obj
def login(
    context: Any,
    role: str | None,
    save_as: str,
    hours: int,
    client_secret: str,
    no_browser: bool,
) -> None:
    """Sign in at your organisation's provider; the keys go into an AWS profile.

    They are good for an hour, or as long as the role allows. Every AWS tool takes them by
    --profile ostler or AWS_PROFILE=ostler.
    """
    connection = context.connection
    sts = connection.client("sts")
    provider = sts.get_web_identity_provider()
    if "Issuer" not in provider:
        raise click.ClickException(
            "Nobody can sign in here: the server's setting oidc_issuer names no provider."
        )
    try:
        signin = SignIn(
            provider["Issuer"], provider["ClientId"], provider["Scopes"], connection.authority()
        )
        with signin.waiting() as address:
            if no_browser or click.launch(address) != 0:
                click.echo(f"{WITHOUT_BROWSER}\n{address}", err=True)
            token, claims = signin.token(client_secret)
    except SignInFailed as fault:
        raise click.ClickException(str(fault)) from None
    arn = _chosen(sts.list_roles_for_web_identity(WebIdentityToken=token)["RoleArns"], role)
    answer = sts.assume_role_with_web_identity(
        RoleArn=arn,
        RoleSessionName=session_name(claims),
        WebIdentityToken=token,
        DurationSeconds=int(timedelta(hours=hours).total_seconds()),
    )
    authority = connection.authority()
    Profiles().save(
        save_as,
        answer["Credentials"],
        endpoint=sts.meta.endpoint_url,
        region=sts.meta.region_name,
        authority=None if authority is None else Path(authority).resolve(),
    )
    expires = answer["Credentials"]["Expiration"]
    told = {
        "Arn": answer["AssumedRoleUser"]["Arn"],
        "Profile": save_as,
        "Expiration": expires,
    }
    if not context.output.for_people:
        context.output.json(told)
        return
    context.output.say(
        f"You are {told['Arn']} until {expires:%H:%M} UTC. Say AWS_PROFILE={save_as}, or --profile."
    )


def session_name(claims: dict[str, Any]) -> str:
    """By what the server's records call the session: who it is, as far as such a name can say."""
    known = (claims.get(name) for name in ("email", "preferred_username", "sub"))
    name = next((each for each in known if isinstance(each, str) and each), "somebody")
    return re.sub(r"[^\w+=,.@-]", "-", name, flags=re.ASCII)[:64].ljust(2, "-")


def _chosen(arns: list[str], wanted: str | None) -> str:
    """The role that is wanted; one that only its own trust policy gives, too, by its ARN."""
    if wanted is not None and wanted.startswith("arn:"):
        return wanted
    found = [arn for arn in arns if wanted in (None, arn.rpartition("/")[2])]
    if len(found) == 1:
        return found[0]
    if not arns:
        raise click.ClickException(
            "You are signed in, but no role is yours: the server's setting oidc_roles gives none."
        )
    names = ", ".join(arn.rpartition("/")[2] for arn in arns)
    raise click.ClickException(f"Name one of your roles with --role: {names}.")
