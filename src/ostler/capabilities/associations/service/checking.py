"""Checking: whether what is asked for can be had at all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ostler.capabilities.associations.errors import (
    InvalidDocument,
    InvalidOutputLocation,
    InvalidParameters,
    InvalidSchedule,
    InvalidTarget,
    UnsupportedPlatformType,
)
from ostler.capabilities.associations.model import RUN_LIMIT, Terms
from ostler.capabilities.associations.service.neighbours import (
    SERVICE,
    Documents,
    DocumentVersion,
    Fleet,
    Roles,
    node_arn,
)
from ostler.foundation.call import Call
from ostler.foundation.errors import NotYetImplemented, ValidationException
from ostler.foundation.ids import NodeId
from ostler.grammar.documents import Document, ParameterFault, bind
from ostler.grammar.schedules import ScheduleFault
from ostler.grammar.targets import TargetFault

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HOUR = 3600
_WRONG_SCHEDULE = "The schedule is invalid. Verify your cron or rate expression and try again."


@dataclass(frozen=True, slots=True)
class Checked:
    """Terms that can be kept: the version of the document they mean, and how long it may run."""

    terms: Terms
    resolved: str
    run_limit: int


class Checking:
    """Asks whoever knows about documents, nodes and roles."""

    def __init__(self, documents: Documents, fleet: Fleet, roles: Roles) -> None:
        self._documents = documents
        self._fleet = fleet
        self._roles = roles

    async def check(self, call: Call, terms: Terms) -> Checked:
        """The terms, if the caller may have them; refused with AWS's codes otherwise."""
        version = await self._documents.resolve(call, terms.document, terms.document_version)
        named = _check_targets(terms)
        if named:
            await call.allow(*(node_arn(call.scope, node) for node in named))
        await self._fleet.check(call, terms.whom)
        _check_schedule(terms)
        _check_output(terms)
        _check_document(terms, version)
        if terms.node:
            await self._check_node(call, terms, version)
        await self._check_role(call, terms)
        limit = terms.duration * _HOUR or _longest_run(version.document)
        return Checked(terms, version.version, limit)

    async def _check_node(self, call: Call, terms: Terms, version: DocumentVersion) -> None:
        [node] = await self._fleet.get_many(call, [NodeId(terms.node)])
        # A node that was never heard yet may be of any platform.
        if node.platform_type is not None and node.platform_type not in version.platform_types:
            raise UnsupportedPlatformType(
                f"{version.name} runs on {', '.join(version.platform_types)}, and {node.id} is "
                f"{node.platform_type}."
            )

    async def _check_role(self, call: Call, terms: Terms) -> None:
        if not terms.dispatch_role:
            return
        name = terms.dispatch_role.rpartition("/")[2]
        if not terms.dispatch_role.startswith(f"arn:aws:iam::{call.account}:role/"):
            raise ValidationException(f"{terms.dispatch_role} is no role of this account.")
        await self._roles.pass_role(call, terms.dispatch_role)
        if not await self._roles.role_exists(call.scope, name, SERVICE):
            raise ValidationException(
                f"There is no role {terms.dispatch_role}, or it does not trust Systems Manager."
            )


def _check_targets(terms: Terms) -> Sequence[str]:
    """The nodes that are named one by one."""
    if not terms.targets:
        raise InvalidTarget("Name the nodes, by Targets or by InstanceId.")
    try:
        whom = terms.whom
    except TargetFault as fault:
        raise InvalidTarget(str(fault)) from fault
    if any(not target.values for target in terms.targets if not target.key.startswith("tag")):
        raise InvalidTarget("A target has values.")
    return whom.ids or ()


def _check_schedule(terms: Terms) -> None:
    try:
        when = terms.when
    except ScheduleFault as fault:
        raise InvalidSchedule(f"{_WRONG_SCHEDULE} {fault}") from fault
    if when is None:
        if terms.offset:
            raise InvalidSchedule(f"{_WRONG_SCHEDULE} There is an offset, and no schedule.")
        return
    if terms.only_at_cron and isinstance(when.when, timedelta):
        raise ValidationException("ApplyOnlyAtCronInterval is not supported for rate expressions.")


def _check_output(terms: Terms) -> None:
    if terms.bucket and not _BUCKET.fullmatch(terms.bucket):
        raise InvalidOutputLocation(f"{terms.bucket} is not the name of a bucket.")
    if terms.prefix and not terms.bucket:
        raise InvalidOutputLocation("There is a prefix, and no bucket.")


def _check_document(terms: Terms, version: DocumentVersion) -> None:
    if version.type == "Automation":
        raise NotYetImplemented("Associations do not run documents of type Automation yet.")
    if version.type != "Command":
        raise InvalidDocument(f"Document type {version.type} is not supported for associations")
    try:
        bind(version.document, terms.parameters or {})
    except ParameterFault as fault:
        raise InvalidParameters(fault.message) from fault


def _longest_run(document: Document) -> int:
    """Seconds after which a run counts as hanging: the steps' own limits, and never less."""
    inputs = [step.inputs for step in document.steps if isinstance(step.inputs, dict)]
    limits = [str(one.get("timeoutSeconds")) for one in inputs]
    told = [int(limit) for limit in limits if limit.isascii() and limit.isdigit()]
    return max(int(RUN_LIMIT.total_seconds()), sum(told))
