"""Callers: who an access key makes its user, and sessions of roles."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import msgspec

from ostler.capabilities.identity.errors import NoSuchEntity, PackedPolicyTooLarge
from ostler.capabilities.identity.model.entities import (
    LONGEST_SESSION,
    Binding,
    Bindings,
    Entity,
    Kind,
    is_access_key,
    name_in,
)
from ostler.capabilities.identity.model.sessions import (
    NODE_POLICY,
    RESERVED_TAGS,
    USER_SESSION_POLICY,
    Session,
    node_tags,
)
from ostler.capabilities.identity.service.keys import Keys
from ostler.capabilities.identity.service.remembered import Remembered
from ostler.capabilities.identity.store import keys, policies
from ostler.foundation.authentication import Credential
from ostler.foundation.call import Caller
from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId
from ostler.foundation.policy import Kind as PolicyKind
from ostler.foundation.policy import Policy
from ostler.foundation.secrets import SealBroken, Sealed, Secrets
from ostler.foundation.storage import Storage, Transaction

SESSION_POLICY_SIZE = 2_048

_CONTEXT = "session-token"
LONGEST_TOKEN = 8_192
"""Characters of a session's token: what a header may well hold."""
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
    """Finds out whom an access key stands for; seals and opens sessions.

    A session is not kept: its token carries it, sealed. So a fleet that renews its credentials
    all day writes nothing, and they hold across restarts. What ends one early is looked up: that
    its role is there no more, or that the role's or the node's sessions were revoked.
    """

    def __init__(self, storage: Storage, clock: Clock, secrets: Secrets, own_keys: Keys) -> None:
        self._storage = storage
        self._clock = clock
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
        if session.parent:
            return _of_user(await self._users.get(session.parent), opened)
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
        role = await self.existing(account, role_name)
        return Caller(
            arn=role.entity.session_arn(session_name),
            account=account,
            user_id=f"{role.entity.id}:{session_name}",
            policies=role.policies,
            boundary=role.boundary,
            tags=tags_of(role.entity),
        )

    def seal(self, session: Session) -> str:
        """The token that carries a session; PackedPolicyTooLarge when none can."""
        sealed = self._secrets.seal(msgspec.msgpack.encode(session), _CONTEXT)
        token = base64.b64encode(sealed.data).decode()
        if len(token) > LONGEST_TOKEN:
            share = 100 * len(token) // LONGEST_TOKEN
            raise PackedPolicyTooLarge(
                f"Packed policy consumes {share}% of allotted space, please use smaller policy."
            )
        return token

    def revoke(self, tx: Transaction, account: AccountId, subject: str) -> None:
        """End the sessions that a node, or a role (by its id), has had so far."""
        now = self._clock.now()
        keys.revoke(tx, account, subject, before=now, until=now + LONGEST_SESSION)
        tx.after_commit(self.forget)

    async def existing(self, account: AccountId, name: str) -> Principal:
        """The role of this name, path or ARN; NoSuchEntity when there is none."""
        role = await self.role(account, name)
        if role is None:
            raise NoSuchEntity(f"The role with name {name_in(name)} cannot be found.")
        return role

    def _open(self, token: str) -> _Opened | None:
        """What is in a session token; None when it is none of ours."""
        if len(token) > LONGEST_TOKEN:
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
            tags=tags_of(user.entity),
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


def _of_user(user: Credential | None, opened: _Opened) -> Credential | None:
    """Whose user's session it is; it ends when the key that asked for it is good no more."""
    if user is None:
        return None
    session = opened.session
    caller = replace(user.caller, access_key=session.access_key, session=(USER_SESSION_POLICY,))
    return Credential(session.secret, caller, session.expires)


def _of_session(role: Principal, opened: _Opened) -> Caller:
    session = opened.session
    tags = {**tags_of(role.entity), **(session.tags or {})}
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
        compiled("session", document, PolicyKind.IDENTITY) for document in session.policies or ()
    )


def _principal(bindings: Bindings) -> Principal:
    def every(found: Sequence[Binding]) -> tuple[Policy, ...]:
        return tuple(compiled(each.name, each.document, PolicyKind.IDENTITY) for each in found)

    bounds = bindings.boundary
    return Principal(
        bindings.entity, every(bindings.policies), None if bounds is None else every(bounds)
    )


@lru_cache(maxsize=4_096)
def compiled(name: str, document: str, kind: PolicyKind) -> Policy:
    """The policy in a document that was checked when it was kept."""
    return Policy.parse(document, name=name, kind=kind)


def tags_of(entity: Entity) -> dict[str, str]:
    """The entity's tags but those that only the server itself gives to a session."""
    return {
        key: value
        for key, value in entity.tags.items()
        if not key.lower().startswith(RESERVED_TAGS)
    }
