"""Calls for tests: who asks, and a customer who asks as one does through the gateway."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ostler.capabilities.identity import root
from ostler.foundation import errors
from ostler.foundation.call import Call, Caller, NoTags, ResourceTags
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ApiError
from ostler.foundation.ids import AccountId, NodeId, Region
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope
from ostler.gateway.dispatch import Dispatch
from ostler.wire import models, validation

ADMIN = (
    Policy.parse(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
        }
    ),
)
NOBODY: tuple[Policy, ...] = ()


def allowing(action: str | list[str], resource: str | list[str] = "*") -> tuple[Policy, ...]:
    """The policies of somebody who may do this and no more."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return (Policy.parse({"Version": "2012-10-17", "Statement": statement}),)


def a_call(
    action: str,
    scope: Scope,
    clock: Clock,
    policies: Sequence[Policy] = ADMIN,
    *,
    node: NodeId | None = None,
    resource_tags: ResourceTags | None = None,
) -> Call:
    """A call of `action` ("SendCommand", or "iam:GetRole") by a user, or by a node."""
    user = f"arn:aws:iam::{scope.account}:user/tester"
    itself = f"arn:aws:sts::{scope.account}:assumed-role/Fleet/{node}"
    return Call(
        scope=scope,
        caller=Caller(
            arn=itself if node else user,
            account=scope.account,
            user_id="AIDATESTER",
            policies=policies,
            node=node,
        ),
        request_id="00000000-0000-4000-8000-000000000001",
        action=action if ":" in action else f"ssm:{action}",
        at=clock.now(),
        resource_tags=resource_tags or NoTags(),
    )


def root_of(account: AccountId) -> Call:
    """A call of the account itself, which may do everything in it."""
    return Call(
        scope=Scope(account, Region("us-east-1")),
        caller=root(account),
        request_id="00000000-0000-4000-8000-000000000002",
        action="admin:anything",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


class UndeclaredError(Exception):
    """An operation refused with an error that its model does not have."""


class Customer:
    """Asks operations as the gateway has them asked: by their names, within their models."""

    def __init__(
        self,
        operations: Iterable[object],
        scope: Scope,
        clock: Clock,
        *,
        policies: Sequence[Policy] = ADMIN,
        node: NodeId | None = None,
        resource_tags: ResourceTags | None = None,
        service: str = "ssm",
    ) -> None:
        self._service = service
        self._dispatch = Dispatch(operations)
        self._scope = scope
        self._clock = clock
        self._policies = policies
        self._node = node
        self._resource_tags = resource_tags

    async def ask(self, operation: str, **given: Any) -> Mapping[str, Any]:
        """The operation's answer; what its model does not allow fails the test."""
        model = models.operation(self._service, operation)
        if model.input_shape is not None:
            validation.check(model.input_shape, given)
        call = a_call(
            f"{models.signing_name(self._service)}:{operation}",
            self._scope,
            self._clock,
            self._policies,
            node=self._node,
            resource_tags=self._resource_tags,
        )
        try:
            answer = await self._dispatch.method(self._service, operation)(call, given)
        except ApiError as error:
            declared = {shape.name for shape in model.error_shapes}
            if error.code not in declared and type(error).__module__ != errors.__name__:
                raise UndeclaredError(f"{operation} does not declare {error.code}") from error
            raise
        assert call.asked or models.auth_kind(model) == "none"
        models.protocol(self._service).write(model, answer or {}, call.request_id)
        return answer or {}

    async def every(self, operation: str, member: str, **given: Any) -> list[Sequence[Any]]:
        """All pages of a list."""
        pages: list[Sequence[Any]] = []
        while True:
            answer = await self.ask(operation, **given)
            pages.append(answer[member])
            if "NextToken" not in answer:
                return pages
            given["NextToken"] = answer["NextToken"]
