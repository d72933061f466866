"""Which operation a request means: by its target header, its form, or its method and path."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from botocore.model import OperationModel

from ostler.wire import models, query, restjson
from ostler.wire.errors import UnknownOperationException
from ostler.wire.http import Request
from ostler.wire.sigv4 import Claim


@dataclass(frozen=True, slots=True)
class Route:
    """A service and one of its operations."""

    service: str
    operation: OperationModel

    @property
    def action(self) -> str:
        """The operation as policies name it: `ssm:SendCommand`."""
        return f"{self.signing_name}:{self.operation.name}"

    @property
    def signing_name(self) -> str:
        """The service's name inside a signature."""
        return models.signing_name(self.service)


def route(request: Request, claim: Claim | None) -> Route:
    """The operation that `request` asks for; UnknownOperationException when there is none.

    AWS JSON names it in `X-Amz-Target`; AWS Query by the fields `Action` and `Version` of a form;
    REST-JSON by method and path, among the services that share the signing name of the signature.
    """
    target = request.headers.get("x-amz-target")
    if target is not None:
        prefix, _, name = target.rpartition(".")
        service = _target_prefixes().get(prefix)
        if service is None or name not in models.model(service).operation_names:
            raise UnknownOperationException(f"There is no operation {target}.")
        return Route(service, models.operation(service, name))
    if _asks_in_a_form(request, claim):
        return _route_of_form(request, claim)
    for service in _rest_services().get(claim.service if claim else "", ()):
        found = restjson.match(service, request)
        if found is not None:
            return Route(service, models.operation(service, found))
    raise UnknownOperationException(f"No operation answers {request.method} {request.path}.")


def form_of_answer(request: Request, claim: Claim | None) -> str:
    """A service in whose protocol to answer a request that names no operation of any."""
    if "x-amz-target" in request.headers:
        return "ssm"
    return "sts" if _asks_in_a_form(request, claim) else "appconfig"


def _asks_in_a_form(request: Request, claim: Claim | None) -> bool:
    return query.is_form(request) and any(_form_services(claim))


def _route_of_form(request: Request, claim: Claim | None) -> Route:
    name, version = query.action(request)
    for service in _form_services(claim):
        api = models.model(service)
        if api.api_version == version and name in api.operation_names:
            return Route(service, models.operation(service, name))
    raise UnknownOperationException(
        f"Could not find operation {name} for version {version or 'NO_VERSION_SPECIFIED'}"
    )


def _form_services(claim: Claim | None) -> Iterator[str]:
    """The services of AWS Query that the signature may mean; all when there is none."""
    for service in models.SERVICES:
        if models.protocol(service) is query and (
            claim is None or claim.service == models.signing_name(service)
        ):
            yield service


@cache
def _target_prefixes() -> dict[str, str]:
    prefixes = {}
    for service in models.SERVICES:
        prefix = models.model(service).metadata.get("targetPrefix")
        if prefix:
            prefixes[prefix] = service
    return prefixes


@cache
def _rest_services() -> dict[str, list[str]]:
    services: dict[str, list[str]] = {}
    for service in models.SERVICES:
        if models.protocol(service) is restjson:
            services.setdefault(models.signing_name(service), []).append(service)
    return services
