"""The way of an API call: route, authenticate, read, validate, answer, check, audit."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from ostler.foundation.audit import SUCCESS, Audit
from ostler.foundation.authentication import Authentication, Signer
from ostler.foundation.call import ANONYMOUS, Call, Caller, ResourceTags, context_of
from ostler.foundation.clock import Clock
from ostler.foundation.errors import (
    ApiError,
    InternalServerError,
    SerializationException,
    UnknownOperationException,
    ValidationException,
)
from ostler.foundation.ids import Ids
from ostler.foundation.paging import PageTokens
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope
from ostler.gateway import bodies
from ostler.gateway.dispatch import Dispatch
from ostler.gateway.redact import redacted
from ostler.gateway.route import Route, form_of_answer, route, with_bucket
from ostler.wire import errors as wire_errors
from ostler.wire import models, sigv4, validation, values
from ostler.wire.http import Request, Response
from ostler.wire.sigv2 import Link, link_of

log = structlog.get_logger()

# A key pair proves a node and nothing more: with it the node may ask for credentials of its role
# and bring a new key, both for itself.
_NODE_KEY_POLICY = Policy.parse(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": [
                "ssm:RequestManagedInstanceRoleToken",
                "ssm:UpdateManagedInstancePublicKey",
            ],
            "Resource": "*",
        },
    }
)

_HOST = re.compile(r"([\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?", re.ASCII)

_FAULTS: Mapping[type[wire_errors.WireFault], type[ApiError]] = {
    wire_errors.SerializationException: SerializationException,
    wire_errors.ValidationException: ValidationException,
    wire_errors.UnknownOperationException: UnknownOperationException,
}


class NeverAsked(Exception):
    """An operation answered without asking for permission: a bug, so nothing is sent."""


class UndeclaredError(Exception):
    """An operation raised an error that its model does not declare: a bug that tests show."""


class Limits(Protocol):
    """Decides whether a caller calls too often."""

    def admit(self, caller: Caller, action: str) -> None:
        """Raise ThrottlingException when the caller has to wait."""
        ...

    def admit_unsigned(self, address: str) -> None:
        """Raise ThrottlingException when too many came from `address` without a signature."""
        ...


class NoLimits:
    """Everybody may call as often as they like."""

    def admit(self, caller: Caller, action: str) -> None:
        return None

    def admit_unsigned(self, address: str) -> None:
        return None


class Meter(Protocol):
    """Counts what is answered."""

    def answered(self, operation: str, outcome: str, seconds: float) -> None:
        """A request got its answer; `operation` is empty when it named none."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the gateway gives to every call."""

    clock: Clock
    ids: Ids
    page_tokens: PageTokens
    resource_tags: ResourceTags
    default_scope: Scope
    hosts: Sequence[str] = ()
    """The names under which clients find this server; before one may stand a bucket's."""


class Gateway:
    """Answers every API call, of customers and of agents."""

    def __init__(
        self,
        dispatch: Dispatch,
        authentication: Authentication,
        audit: Audit,
        surroundings: Surroundings,
        *,
        limits: Limits | None = None,
        meter: Meter | None = None,
        strict: bool = False,
    ) -> None:
        self._dispatch = dispatch
        self._authentication = authentication
        self._audit = audit
        self._around = surroundings
        self._limits = limits or NoLimits()
        self._meter = meter
        self._strict = strict

    async def answer(self, request: Request) -> Response:
        """The response to one request; whatever goes wrong, it is an answer, never an exception."""
        began = time.perf_counter()
        response, operation, outcome = await self._answer(request)
        if self._meter is not None:
            self._meter.answered(operation, outcome, time.perf_counter() - began)
        return response

    def takes_stream(self, request: Request) -> bool:
        """Whether `request`, whose body is still to come, means an operation that takes its body
        piece by piece."""
        if "x-amz-target" in request.headers:
            return False
        try:
            found = route(request, _claimed(request), self._around.hosts)
        except wire_errors.WireFault:
            return False
        return bool(found.operation.has_streaming_input)

    async def refused_unread(self, request: Request) -> Response | None:
        """What answers a request whose body is not worth reading: it names no operation or no key.

        `request` has no body yet. None: read it, and let `answer` decide.
        """
        request_id = self._around.ids.uuid()
        claim = _claimed(request)
        found: Route | None = None
        try:
            found = route(request, claim, self._around.hosts)
            if models.auth_kind(found.operation) == "sigv4" and not isinstance(claim, Link):
                await self._authentication.known(request, found.signing_name, claim)
        except Exception as fault:  # noqa: BLE001 - as in `_answer`
            refusal = _refusal(fault, found, request_id)
        else:
            return None
        if self._meter is not None:
            self._meter.answered(found.action if found else "", refusal.code, 0)
        return _refused(request, claim, found, refusal, request_id)

    async def _answer(self, request: Request) -> tuple[Response, str, str]:
        """The response, the action that was asked for if that was clear, and what came of it."""
        request_id = self._around.ids.uuid()
        claim = _claimed(request)
        found: Route | None = None
        try:
            found = route(request, claim, self._around.hosts)
            caller, scope, request = await self._admit(request, claim, found)
            given = models.protocol(found.service).read(
                found.operation, with_bucket(request, found.bucket), self._around.ids.uuid
            )
            answer = await self._perform(
                found,
                caller,
                scope,
                given,
                request_id,
                context=context_of(request),
                endpoint=endpoint_of(request),
            )
            response = models.protocol(found.service).write(found.operation, answer, request_id)
            return response, found.action, SUCCESS
        except Exception as fault:  # noqa: BLE001 - what is no refusal is logged, and refused
            refusal = _refusal(fault, found, request_id)
        response = _refused(request, claim, found, refusal, request_id)
        return response, found.action if found else "", refusal.code

    async def invoke(
        self, call: Call, service: str, operation: str, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Perform an operation as `call`'s caller would: validated, authorised, audited.

        `given` is what JSON can say, as documents have it.
        """
        found = Route(service, models.operation(service, operation))
        shape = found.operation.input_shape
        read = values.read_by_members(shape, given) if shape is not None else {}
        return await self._perform(
            found,
            call.caller,
            call.scope,
            read,
            call.request_id,
            context=call.context,
            endpoint=call.endpoint,
        )

    async def _admit(
        self, request: Request, claim: sigv4.Claim | Link | None, found: Route
    ) -> tuple[Caller, Scope, Request]:
        """Who calls, unless they call too often, and the request with what proves its body."""
        match models.auth_kind(found.operation):
            case "none":
                self._limits.admit_unsigned(request.peer)
                scope = self._around.default_scope
                return Caller(ANONYMOUS, scope.account, ANONYMOUS), scope, request
            case "node-key":
                node, scope = await self._authentication.node_key(request)
                arn = f"arn:aws:ssm:{scope.region}:{scope.account}:managed-instance/{node}"
                policies = (_NODE_KEY_POLICY,)
                caller = Caller(arn, scope.account, node, policies, node=node)
            case _:
                signer = await self._signer(request, claim, found)
                caller, scope = signer.caller, signer.scope
                signed = claim if isinstance(claim, sigv4.Claim) else None
                request = bodies.proved(request, signed, signer.key)
        self._limits.admit(caller, found.action)
        return caller, scope, request

    async def _signer(
        self, request: Request, claim: sigv4.Claim | Link | None, found: Route
    ) -> Signer:
        if isinstance(claim, Link):
            placed = with_bucket(request, found.bucket)
            return await self._authentication.link(placed, claim, self._around.default_scope.region)
        return await self._authentication.signer(request, found.signing_name, claim)

    async def _perform(
        self,
        found: Route,
        caller: Caller,
        scope: Scope,
        given: Mapping[str, Any],
        request_id: str,
        *,
        context: Mapping[str, Any],
        endpoint: str,
    ) -> Mapping[str, Any]:
        operation = found.operation
        call = Call(
            scope=scope,
            caller=caller,
            request_id=request_id,
            action=found.action,
            at=self._around.clock.now(),
            resource_tags=self._around.resource_tags,
            context=context,
            page_tokens=self._around.page_tokens,
            endpoint=endpoint,
        )
        entry = self._audit.entry(call, redacted(operation, given))
        call.scope = Scope(scope.account, scope.region, self._audit.witness(entry))
        outcome = SUCCESS
        try:
            if operation.input_shape is not None:
                validation.check(operation.input_shape, given)
            answer = await self._dispatch.method(found.service, operation.name)(call, given)
            if not call.asked and models.auth_kind(operation) != "none":
                raise NeverAsked(found.action)
            return answer or {}
        except ApiError as error:
            outcome = error.code
            if self._strict:
                _check_declared(found, error)
            raise
        except wire_errors.WireFault as fault:
            outcome = fault.code
            raise
        except BaseException:
            outcome = "InternalServerError"
            raise
        finally:
            self._audit.record(entry, outcome)


def _claimed(request: Request) -> sigv4.Claim | Link | None:
    """The signature's own words on what it is for; whether it holds is decided later."""
    try:
        return link_of(request) or sigv4.claim_of(request)
    except (sigv4.NoClaim, sigv4.BrokenClaim):
        return None


def endpoint_of(request: Request) -> str:
    """The URL by which the client found this server; empty when it named no host."""
    host = request.headers.get("host", "")
    scheme = "https" if request.secure else "http"
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else ""


def _refusal(fault: Exception, found: Route | None, request_id: str) -> ApiError:
    """What the caller is told of a fault."""
    if isinstance(fault, ApiError):
        return fault
    if isinstance(fault, wire_errors.WireFault):
        return _FAULTS.get(type(fault), ValidationException)(fault.message)
    log.error("request_failed", request_id=request_id, route=found and found.action, exc_info=fault)
    return InternalServerError(
        f"Something went wrong on our side; request {request_id} is in the server's log."
    )


def _refused(
    request: Request,
    claim: sigv4.Claim | Link | None,
    found: Route | None,
    refusal: ApiError,
    request_id: str,
) -> Response:
    service = found.service if found else form_of_answer(request, claim)
    return models.protocol(service).write_error(
        models.model(service),
        found.operation if found else None,
        refusal.code,
        refusal.message,
        refusal.members,
        request_id,
    )


def _check_declared(found: Route, error: ApiError) -> None:
    """In tests: an error of a capability's own must be one that the operation's model declares."""
    if type(error).__module__ == ApiError.__module__:
        return
    declared = {
        shape.metadata.get("error", {}).get("code", shape.name): shape.name
        for shape in models.declared_errors(found.operation)
    }
    if error.code not in declared and error.code not in declared.values():
        raise UndeclaredError(f"{found.action} does not declare {error.code}") from error
