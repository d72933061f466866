"""`ostler`: the command line, a customer of the public API."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click
from botocore import exceptions as botocore_errors

from ostler.cli.client import Connection, WrongEndpoint
from ostler.cli.commands import (
    activations,
    associations,
    commands,
    doctor,
    events,
    identity,
    inventory,
    login,
    nodes,
    parameters,
)
from ostler.cli.output import Output, explain, fail


@dataclass(frozen=True, slots=True)
class Context:
    """What every verb is given."""

    connection: Connection
    output: Output


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--endpoint-url", help="The server; AWS_ENDPOINT_URL otherwise.")
@click.option("--region", help="The region; AWS_REGION otherwise.")
@click.option("--profile", help="A profile of the AWS configuration files.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    help="For people or for programs.",
)
@click.version_option(package_name="ostler")
@click.pass_context
def ostler(
    context: click.Context,
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    output: str,
) -> None:
    """Run commands on your fleet and see what it answers."""
    context.obj = Context(Connection(endpoint_url, region, profile), Output(output))


ostler.add_command(nodes.nodes)
ostler.add_command(commands.run)
ostler.add_command(commands.commands)
ostler.add_command(activations.activations)
ostler.add_command(associations.associations)
ostler.add_command(inventory.inventory)
ostler.add_command(parameters.parameters)
ostler.add_command(events.events)
ostler.add_command(identity.identity)
ostler.add_command(login.login)
ostler.add_command(doctor.doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point; errors of the API become text and a status of 1."""
    try:
        ostler(arguments, prog_name="ostler", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.UsageError as fault:
        fault.show()
        sys.exit(fault.exit_code)
    except click.ClickException as fault:
        fail(fault.message, fault.exit_code)
    except (botocore_errors.BotoCoreError, botocore_errors.ClientError) as error:
        fail(explain(error))
    except WrongEndpoint as fault:
        fail(str(fault))


if __name__ == "__main__":
    main()
