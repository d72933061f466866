"""AWS:AWSComponent: this agent, and what AWS makes for machines."""

from ostler.agent import NAME, VERSION
from ostler.agent.gatherers import Entry, applications
from ostler.agent.plugins import Surroundings

_OF_AWS = ("amazon-", "aws-", "awscli", "ec2-")


async def gather(given: str, at: Surroundings) -> list[Entry] | None:
    packages = await applications.gather("Enabled", at) or []
    itself = {"Name": NAME, "Version": VERSION, "ApplicationType": "agent"}
    return [itself, *(each for each in packages if each.get("Name", "").startswith(_OF_AWS))]
