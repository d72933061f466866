"""Parameters: configuration and secrets by name, in hierarchies, with every version kept."""

from ostler.capabilities.parameters.capability import build
from ostler.capabilities.parameters.errors import (
    InvalidKeyId,
    ParameterNotFound,
    ParameterVersionNotFound,
)
from ostler.capabilities.parameters.model.kinds import Kind
from ostler.capabilities.parameters.model.names import asked_name
from ostler.capabilities.parameters.model.parameters import Limits
from ostler.capabilities.parameters.service.reading import Parameter, Parameters
from ostler.capabilities.parameters.service.references import References, Referred
from ostler.capabilities.parameters.service.watching import Changes

__all__ = [
    "Changes",
    "InvalidKeyId",
    "Kind",
    "Limits",
    "Parameter",
    "ParameterNotFound",
    "ParameterVersionNotFound",
    "Parameters",
    "References",
    "Referred",
    "asked_name",
    "build",
]
