"""The models of every served API: botocore's data, and what botocore lacks in the same format."""

import functools
import typing
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal

import msgspec
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, OperationNotFoundError, ServiceModel, Shape

from ostler.wire.errors import UnknownOperationException
from ostler.wire.http import Request, Response

SERVICES = (
    "ssm",
    "ssm-contacts",
    "ssm-incidents",
    "ssm-quicksetup",
    "ssm-guiconnect",
    "appconfig",
    "appconfigdata",
    "ec2messages",
    "sts",
    "iam",
    "kms",
    "s3",
    "logs",
    "events",
    "sns",
)

AuthKind = Literal["sigv4", "none", "node-key"]

_AUTH_KINDS: Mapping[str, AuthKind] = {"none": "none", "node-key": "node-key"}


@functools.cache
def model(service: str) -> ServiceModel:
    """The model of a service, named as botocore names it ("ssm", "ssm-contacts")."""
    return ServiceModel(_description(service), service)


@functools.cache
def operation(service: str, name: str) -> OperationModel:
    """One operation of a service; UnknownOperationException where there is none of that name."""
    try:
        return model(service).operation_model(name)
    except OperationNotFoundError:
        raise UnknownOperationException(f"{service} has no operation {name}.") from None


class Protocol(typing.Protocol):
    """The module that reads a service's requests and writes its answers."""

    def read(
        self, op: OperationModel, request: Request, mint: Callable[[], str] | None = None
    ) -> dict[str, Any]: ...

    def write(self, op: OperationModel, result: Mapping[str, Any], request_id: str) -> Response: ...

    def write_error(
        self,
        service: ServiceModel,
        op: OperationModel | None,
        code: str,
        message: str,
        members: Mapping[str, Any],
        request_id: str,
    ) -> Response: ...


@functools.cache
def protocol(service: str) -> Protocol:
    """The module for the service's protocol: `wire.jsonrpc`, `restjson`, `restxml` or `query`."""
    # Imported here because they stand on this module.
    from ostler.wire import jsonrpc, query, restjson, restxml

    protocols: Mapping[str, Protocol] = {
        "json": jsonrpc,
        "rest-json": restjson,
        "rest-xml": restxml,
        "query": query,
    }
    return protocols[model(service).metadata["protocol"]]


def declared_errors(op: OperationModel) -> Sequence[Shape]:
    """The errors that an operation may answer; S3's model names them for all operations alike."""
    api: ServiceModel = op.service_model
    rest_xml = api.metadata["protocol"] == "rest-xml"
    shapes: Sequence[Shape] = api.error_shapes if rest_xml else op.error_shapes
    return shapes


def auth_kind(op: OperationModel) -> AuthKind:
    """Who must sign: nobody, a node with its own key, or the holder of an access key."""
    return _AUTH_KINDS.get(op.auth_type or "", "sigv4")


def signing_name(service: str) -> str:
    """The service's name in a credential scope; appconfigdata signs as appconfig."""
    return str(model(service).signing_name)


def _description(service: str) -> dict[str, Any]:
    """botocore's data with ours merged in, without its documentation, which fills memory only."""
    ours = _our_part(service)
    try:
        description: dict[str, Any] = Loader().load_service_model(service, "service-2")
    except UnknownServiceError:
        if not ours:
            raise
        description = {}
    merged = dict(description)
    for section, content in ours.items():
        merged[section] = _merged(description.get(section, {}), content)
    merged["shapes"] = {name: _with_status(shape) for name, shape in merged["shapes"].items()}
    return {section: _undocumented(content) for section, content in merged.items()}


def _our_part(service: str) -> dict[str, Any]:
    """What agents call and botocore lacks, and our own extensions of the API."""
    models = resources.files("ostler.wire") / "models"
    part = _decoded(models / f"{service}.json")
    for version in _versions(models / "extensions" / service):
        extension = _decoded(version / "service-2.sdk-extras.json").get("merge", {})
        part = _merged(part, extension)
    return part


def _merged(base: Any, more: Any) -> Any:
    """Both, as botocore merges its extras: of what both have, the second's; objects together."""
    if not (isinstance(base, dict) and isinstance(more, dict)):
        return more
    return {**base, **{key: _merged(base.get(key), value) for key, value in more.items()}}


def _versions(folder: Traversable) -> list[Traversable]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _decoded(file: Traversable) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(file.read_bytes()) if file.is_file() else {}
    return content


def _with_status(shape: dict[str, Any]) -> dict[str, Any]:
    """botocore drops the mark of an error that is the server's fault: say it as a status."""
    if not shape.get("fault") or "httpStatusCode" in shape.get("error", {}):
        return shape
    return {**shape, "error": {**shape.get("error", {}), "httpStatusCode": 500}}


def _undocumented(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _undocumented(member)
            for key, member in value.items()
            if not (key == "documentation" and isinstance(member, str))
        }
    return [_undocumented(member) for member in value] if isinstance(value, list) else value
