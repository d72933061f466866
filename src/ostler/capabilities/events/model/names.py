"""Names: how buses, rules, connections and destinations are called, and their ARNs."""

from ostler.capabilities.events.errors import ResourceNotFoundException
from ostler.foundation.errors import ValidationException
from ostler.foundation.storage import Scope

DEFAULT_BUS = "default"

BUS = "event-bus"
RULE = "rule"
CONNECTION = "connection"
DESTINATION = "api-destination"


def arn_of(scope: Scope, kind: str, name: str) -> str:
    """The ARN of something of the account and region."""
    return f"arn:aws:events:{scope.region}:{scope.account}:{kind}/{name}"


def bus_arn(scope: Scope, bus: str) -> str:
    """The ARN of a bus."""
    return arn_of(scope, BUS, bus)


def rule_arn(scope: Scope, bus: str, name: str) -> str:
    """The ARN of a rule; AWS leaves out the name of the default bus."""
    return arn_of(scope, RULE, name if bus == DEFAULT_BUS else f"{bus}/{name}")


def bus_in(scope: Scope, given: str | None) -> str:
    """The name of a bus that is named by its name, its ARN or not at all."""
    if not given:
        return DEFAULT_BUS
    if not given.startswith("arn:"):
        return given
    prefix = bus_arn(scope, "")
    if not given.startswith(prefix):
        raise ResourceNotFoundException(f"Event bus {given} is not of this account and region.")
    return given.removeprefix(prefix)


def path_in(scope: Scope, kind: str, arn: str) -> str:
    """What the ARN of a connection or a destination ends with: its name and its id."""
    prefix = arn_of(scope, kind, "")
    if not arn.startswith(prefix):
        raise ValidationException(f"{arn} is not the ARN of a {kind} of this account and region.")
    return arn.removeprefix(prefix)


def name_in(path: str) -> str:
    """The name in what such an ARN ends with."""
    return path.partition("/")[0]
