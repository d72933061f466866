"""Callers: who an access key makes its user, and sessions of roles."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from ostler.capabilities.identity.errors import InvalidInput, NoSuchEntity
from ostler.capabilities.identity.model.entities import (
    LONGEST_SESSION,
    SHORTEST_SESSION,
    USUAL_SESSION,
    Bindings,
    Entity,
    Kind,
    account_in,
    is_access_key,
    name_in,
    new_access_key,
    new_secret,
)
from ostler.capabilities.identity.model.sessions import (
    NODE_POLICY,
    RESERVED_TAGS,
    Session,
    TemporaryCredentials,
    node_tags,
)
from ostler.capabilities.identity.service.keys import Keys
from ostler.capabilities.identity.service.ledger import checked_policy
from ostler.capabilities.identity.service.remembered import Remembered
from ostler.capabilities.identity.store import keys, policies
from ostler.foundation.authentication import Credential
from ostler.foundation.call import Call, Caller
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.ids import AccountId, Ids, NodeId, Region
from ostler.foundation.policy import Kind as PolicyKind
from ostler.foundation.policy import Policy, Question, trusts
from ostler.foundation.secrets import SealBroken, Sealed, Secrets
from ostler.foundation.storage import Storage, Transaction

SESSION_POLICY_SIZE = 2_048

_CONTEXT = "session-token"
_LONGEST_TOKEN = 8_192
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or a role with its policies, compiled."""

    entity: Entity
    policies: Sequence[Policy]
    boundary: Sequence[Policy] | None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A session out of its token, with the policies that narrow it."""

    session: Session
    narrowing: Sequence[Policy] | None


class Sessions:
    """Finds out whom an access key stands for, and lends roles.

    A session is not kept: its token carries it, sealed. So a fleet that renews its credentials
    all day writes nothing, and they hold across restarts. What ends one early is looked up: that
    its role is there no more, or that the role's or the node's sessions were revoked.
    """

    def __init__(
        self, storage: Storage, clock: Clock, ids: Ids, secrets: Secrets, own_keys: Keys
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._keys = own_keys
        self._users = Remembered(self._look_up_user, clock)
        self._roles = Remembered(self._look_up_role, clock)
        self._revoked = Remembered(self._look_up_revocations, clock)
        self._opened = lru_cache(maxsize=20_000)(self._open)

    def forget(self) -> None:
        """Look everything up anew: something changed."""
        self._users.forget()
        self._roles.forget()
        self._revoked.forget()

    async def find(self, access_key: str, session_token: str | None) -> Credential | None:
        """The credential of a key; of a temporary one only with its token."""
        if session_token is None:
            return await self._users.get(access_key) if is_access_key(access_key) else None
        opened = self._opened(session_token)
        if opened is None or opened.session.access_key != access_key:
            return None
        session = opened.session
        role = await self._roles.get((session.account, session.role))
        if role is None or role.entity.id != session.role_id:
            return None
        revoked = await self._revoked.get(None)
        for subject in (session.role_id, session.node):
            before = revoked.get((session.account, subject or ""))
            if before is not None and session.issued <= before:
                return None
        return Credential(session.secret, _of_session(role, opened), session.expires)

    async def role(self, account: AccountId, name: str) -> Principal | None:
        """A role by its name, path or ARN."""
        return await self._roles.get((account, name_in(name)))

    async def role_caller(
        self, account: AccountId, role_name: str, session_name: str = "ostler"
    ) -> Caller:
        """Somebody who has assumed the role inside the server, without any keys."""
        role = await self._existing(account, role_name)
        return Caller(
            arn=role.entity.session_arn(session_name),
            account=account,
            user_id=f"{role.entity.id}:{session_name}",
            policies=role.policies,
            boundary=role.boundary,
            tags=_tags(role.entity),
        )

    async def issue(
        self,
        account: AccountId,
        role_name: str,
        session_name: str,
        duration: timedelta,
        *,
        session_policy: str | None = None,
        node: tuple[NodeId, Region] | None = None,
    ) -> TemporaryCredentials:
        """Keys of a new session. Whether it may be had, the caller of this has decided."""
        role = await self._existing(account, role_name)
        if not _NAME.fullmatch(session_name):
            raise InvalidInput(
                f"The session name {session_name} is not valid: "
                "2 to 64 letters, digits and characters of _+=,.@-"
            )
        if duration > LONGEST_SESSION:
            raise InvalidInput("No session lasts longer than 12 hours.")
        if session_policy is not None:
            checked_policy(session_policy, most=SESSION_POLICY_SIZE)
        now = self._clock.now()
        session = Session(
            access_key=new_access_key(self._ids, temporary=True),
            secret=new_secret(self._ids),
            account=account,
            role=role.entity.name,
            role_id=role.entity.id,
            name=session_name,
            issued=now,
            expires=now + duration,
            policies=None if session_policy is None else (session_policy,),
            node=None if node is None else node[0],
            region=None if node is None else node[1],
        )
        sealed = self._secrets.seal(msgspec.msgpack.encode(session), _CONTEXT)
        return TemporaryCredentials(
            access_key=session.access_key,
            secret=session.secret,
            session_token=base64.b64encode(sealed.data).decode(),
            expires=session.expires,
            arn=role.entity.session_arn(session_name),
            user_id=f"{role.entity.id}:{session_name}",
        )

    async def assume(
        self,
        call: Call,
        role_arn: str,
        session_name: str,
        *,
        duration: timedelta = USUAL_SESSION,
        session_policy: str | None = None,
        external_id: str | None = None,
    ) -> TemporaryCredentials:
        """Lend a role to the caller: their policies and the role's trust must both agree."""
        account = AccountId(account_in(role_arn))
        await call.allow(role_arn, action="sts:AssumeRole")
        role = await self.role(account, role_arn)
        context = _context_of_trust(call, session_name, external_id)
        if (
            role is None
            or role.entity.arn != role_arn
            or not self._trusts(role.entity, await self._names(call.caller), role_arn, context)
        ):
            raise AccessDeniedException(
                f"User: {call.caller.arn} is not authorized to perform: sts:AssumeRole "
                f"on resource: {role_arn}"
            )
        # A session that is used to get the next one cannot be stretched beyond an hour.
        chained = ":assumed-role/" in call.caller.arn
        longest = USUAL_SESSION if chained else role.entity.longest_session
        if not SHORTEST_SESSION <= duration <= longest:
            raise ValidationException(
                f"A session of {role.entity.name} lasts from {_seconds(SHORTEST_SESSION)} "
                f"to {_seconds(longest)} seconds, not {_seconds(duration)}."
            )
        return await self.issue(
            account, role.entity.name, session_name, duration, session_policy=session_policy
        )

    async def is_trusting(self, account: AccountId, role_name: str, service: str) -> bool:
        """Whether there is such a role, and this service may take it."""
        role = await self.role(account, role_name)
        if role is None:
            return False
        names = {"Service": [service]}
        context: Mapping[str, Sequence[str]] = {
            "aws:SourceAccount": [account],
            "aws:PrincipalIsAWSService": ["true"],
        }
        return self._trusts(role.entity, names, role.entity.arn, context)

    def revoke(self, tx: Transaction, account: AccountId, subject: str) -> None:
        """End the sessions that a node, or a role (by its id), has had so far."""
        now = self._clock.now()
        keys.revoke(tx, account, subject, before=now, until=now + LONGEST_SESSION)
        tx.after_commit(self.forget)

    async def _existing(self, account: AccountId, name: str) -> Principal:
        role = await self.role(account, name)
        if role is None:
            raise NoSuchEntity(f"The role with name {name_in(name)} cannot be found.")
        return role

    async def _names(self, caller: Caller) -> Mapping[str, Sequence[str]]:
        """The ways in which a trust policy may name a caller."""
        names = [caller.arn, caller.account, f"arn:aws:iam::{caller.account}:root"]
        kind, _, rest = caller.arn.rpartition(":")[2].partition("/")
        if kind == "assumed-role":
            own = await self.role(caller.account, rest.partition("/")[0])
            names += [] if own is None else [own.entity.arn]
        return {"AWS": names}

    def _trusts(
        self,
        role: Entity,
        names: Mapping[str, Sequence[str]],
        arn: str,
        context: Mapping[str, Sequence[str]],
    ) -> bool:
        question = Question("sts:AssumeRole", arn, context)
        return trusts(_compiled(role.name, role.trust, PolicyKind.TRUST), question, names).allowed

    def _open(self, token: str) -> _Opened | None:
        """What is in a session token; None when it is none of ours."""
        if len(token) > _LONGEST_TOKEN:
            return None
        try:
            sealed = Sealed(base64.b64decode(token, validate=True))
            plain = self._secrets.open(sealed, _CONTEXT)
            session = msgspec.msgpack.decode(plain, type=Session)
        except (ValueError, SealBroken, msgspec.MsgspecError):
            return None
        narrowing = _own_policies(session)
        if session.node is not None:
            # What several session policies allow adds up, so none may allow beside the node's.
            denials = [replace(policy, allows=()) for policy in narrowing]
            return _Opened(session, (NODE_POLICY, *denials))
        return _Opened(session, narrowing or None)

    async def _look_up_user(self, access_key: str) -> Credential | None:
        def find(tx: Transaction) -> tuple[keys.KeptKey, Bindings] | None:
            kept = keys.key(tx, access_key)
            if kept is None or not kept.key.active:
                return None
            bound = policies.bindings(tx, kept.key.account, Kind.USER, kept.key.user)
            return None if bound is None else (kept, bound)

        found = await self._storage.read(None, find)
        if found is None:
            return None
        kept, bindings = found
        user = _principal(bindings)
        caller = Caller(
            arn=user.entity.arn,
            account=user.entity.account,
            user_id=user.entity.id,
            policies=user.policies,
            boundary=user.boundary,
            tags=_tags(user.entity),
            access_key=access_key,
        )
        return Credential(self._keys.opened(kept), caller)

    async def _look_up_role(self, wanted: tuple[AccountId, str]) -> Principal | None:
        account, name = wanted
        found = await self._storage.read(
            None, lambda tx: policies.bindings(tx, account, Kind.ROLE, name)
        )
        return None if found is None else _principal(found)

    async def _look_up_revocations(self, _: None) -> Mapping[tuple[str, str], datetime]:
        return await self._storage.read(None, keys.revocations)


def _of_session(role: Principal, opened: _Opened) -> Caller:
    session = opened.session
    tags = _tags(role.entity)
    if session.node is not None and session.region is not None:
        tags |= node_tags(session.node, session.region)
    return Caller(
        arn=role.entity.session_arn(session.name),
        account=session.account,
        user_id=f"{session.role_id}:{session.name}",
        policies=role.policies,
        session=opened.narrowing,
        boundary=role.boundary,
        tags=tags,
        node=session.node,
        access_key=session.access_key,
    )


def _own_policies(session: Session) -> tuple[Policy, ...]:
    return tuple(
        _compiled("session", document, PolicyKind.IDENTITY) for document in session.policies or ()
    )


def _principal(bindings: Bindings) -> Principal:
    def compiled(documents: Sequence[tuple[str, str]]) -> tuple[Policy, ...]:
        return tuple(_compiled(name, document, PolicyKind.IDENTITY) for name, document in documents)

    bounds = bindings.boundary
    return Principal(
        bindings.entity, compiled(bindings.policies), None if bounds is None else compiled(bounds)
    )


@lru_cache(maxsize=4_096)
def _compiled(name: str, document: str, kind: PolicyKind) -> Policy:
    return Policy.parse(document, name=name, kind=kind)


def _tags(entity: Entity) -> dict[str, str]:
    """The entity's tags but those that only the server itself gives to a session."""
    return {
        key: value
        for key, value in entity.tags.items()
        if not key.lower().startswith(RESERVED_TAGS)
    }


def _context_of_trust(
    call: Call, session_name: str, external_id: str | None
) -> Mapping[str, Sequence[str]]:
    context: dict[str, Sequence[str]] = {
        **call.context,
        **{f"aws:PrincipalTag/{key}": [value] for key, value in call.caller.tags.items()},
        "aws:PrincipalArn": [call.caller.arn],
        "aws:PrincipalAccount": [call.caller.account],
        "aws:userid": [call.caller.user_id],
        "aws:CurrentTime": [call.at.isoformat()],
        "sts:RoleSessionName": [session_name],
    }
    return context if external_id is None else {**context, "sts:ExternalId": [external_id]}


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
