"""Which operation a request means: by its target header, its form, or its method and path."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from botocore.model import OperationModel

from ostler.wire import models, query, rest, restjson, restxml
from ostler.wire.errors import UnknownOperationException
from ostler.wire.http import Request
from ostler.wire.sigv2 import Link
from ostler.wire.sigv4 import Claim

_BUCKETS = "s3"
_BUCKETS_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-][a-z0-9-]+)*")


@dataclass(frozen=True, slots=True)
class Route:
    """A service and one of its operations.

    `bucket` is the one that the host names, when the path does not begin with it.
    """

    service: str
    operation: OperationModel
    bucket: str = ""

    @property
    def action(self) -> str:
        """The operation as policies name it: `ssm:SendCommand`."""
        return f"{self.signing_name}:{self.operation.name}"

    @property
    def signing_name(self) -> str:
        """The service's name inside a signature."""
        return models.signing_name(self.service)


def route(request: Request, claim: Claim | Link | None, hosts: Sequence[str] = ()) -> Route:
    """The operation that `request` asks for; UnknownOperationException when there is none.

    AWS JSON names it in `X-Amz-Target`; AWS Query by the fields `Action` and `Version` of a form;
    REST by method and path, among the services that share the signing name of the signature.
    `hosts` are the names under which this server is known: what stands before one of them is the
    name of a bucket.
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
    signed_for = claim.service if claim else ""
    bucket = _bucket_of(request, hosts) if signed_for == _BUCKETS else ""
    placed = with_bucket(request, bucket)
    for service in _rest_services().get(signed_for, ()):
        found = rest.match(service, placed)
        if found is not None:
            return Route(service, models.operation(service, found), bucket)
    raise UnknownOperationException(f"No operation answers {request.method} {request.path}.")


def form_of_answer(request: Request, claim: Claim | Link | None) -> str:
    """A service in whose protocol to answer a request that names no operation of any."""
    if "x-amz-target" in request.headers:
        return "ssm"
    if claim is not None and claim.service == _BUCKETS:
        return _BUCKETS
    return "sts" if _asks_in_a_form(request, claim) else "appconfig"


def _asks_in_a_form(request: Request, claim: Claim | Link | None) -> bool:
    return query.is_form(request) and any(_form_services(claim))


def _route_of_form(request: Request, claim: Claim | Link | None) -> Route:
    name, version = query.action(request)
    for service in _form_services(claim):
        api = models.model(service)
        if api.api_version == version and name in api.operation_names:
            return Route(service, models.operation(service, name))
    raise UnknownOperationException(
        f"Could not find operation {name} for version {version or 'NO_VERSION_SPECIFIED'}"
    )


def _form_services(claim: Claim | Link | None) -> Iterator[str]:
    """The services of AWS Query that the signature may mean; all when there is none."""
    for service in models.SERVICES:
        if models.protocol(service) is query and (
            claim is None or claim.service == models.signing_name(service)
        ):
            yield service


def with_bucket(request: Request, bucket: str) -> Request:
    """The request as it would be if the bucket stood in the path and not in the host's name."""
    return replace(request, path=f"/{bucket}{request.path}") if bucket else request


def _bucket_of(request: Request, hosts: Sequence[str]) -> str:
    host = request.headers.get("host", "").lower()
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    for known in hosts:
        if name.endswith(f".{known}"):
            before = name.removesuffix(f".{known}")
            standard = _BUCKETS_HOST.fullmatch(before)
            return (standard["bucket"] or "") if standard else before
    return ""


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
        if models.protocol(service) in (restjson, restxml):
            services.setdefault(models.signing_name(service), []).append(service)
    return services
