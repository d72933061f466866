"""Lending: sessions of roles and of users, for those whom policies let have them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ostler.capabilities.identity.errors import InvalidInput
from ostler.capabilities.identity.model.entities import (
    LONGEST_SESSION,
    LONGEST_USER_SESSION,
    SHORTEST_SESSION,
    USUAL_SESSION,
    Entity,
    account_in,
    check_tags,
    new_access_key,
    new_secret,
)
from ostler.capabilities.identity.model.sessions import (
    RESERVED_TAGS,
    Session,
    TemporaryCredentials,
)
from ostler.capabilities.identity.service.ledger import Ledger, checked_policy, tags_asked
from ostler.capabilities.identity.service.policies import the_policy
from ostler.capabilities.identity.service.sessions import LONGEST_TOKEN, Sessions, compiled
from ostler.foundation.call import Call, Caller
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.ids import AccountId, Ids, NodeId, Region
from ostler.foundation.policy import Kind as PolicyKind
from ostler.foundation.policy import Question, trusts
from ostler.foundation.storage import Transaction

SESSION_POLICY_SIZE = 2_048

_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
Names = Mapping[str, Sequence[str]]
Context = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a session is wanted for.

    `policy` and `policy_arns` narrow it, `tags` are those of its principal.
    """

    role_arn: str
    name: str
    duration: timedelta = USUAL_SESSION
    policy: str | None = None
    policy_arns: Sequence[str] = ()
    tags: Mapping[str, str] | None = None
    external_id: str | None = None


class Lending:
    """Decides who gets a session, and makes it."""

    def __init__(self, sessions: Sessions, ledger: Ledger, clock: Clock, ids: Ids) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def assume(self, call: Call, wanted: Wanted) -> TemporaryCredentials:
        """Lend a role to the caller: their policies and the role's trust must both agree."""
        account = AccountId(account_in(wanted.role_arn))
        await call.allow(wanted.role_arn, action="sts:AssumeRole")
        role = await self._sessions.role(account, wanted.role_arn)
        names = await self._names(call.caller)
        context = {**_context_of(call), **_context_of_session(wanted)}
        for action in ("sts:AssumeRole", *(["sts:TagSession"] if wanted.tags else [])):
            if (
                role is None
                or role.entity.arn != wanted.role_arn
                or not trusting(role.entity, names, context, action=action)
            ):
                raise AccessDeniedException(
                    f"User: {call.caller.arn} is not authorized to perform: {action} "
                    f"on resource: {wanted.role_arn}"
                )
        assert role is not None
        # A session that is used to get the next one cannot be stretched beyond an hour.
        if ":assumed-role/" in call.caller.arn and wanted.duration > USUAL_SESSION:
            raise ValidationException(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
                "by role chaining"
            )
        return await self.lend(role.entity, wanted)

    async def lend(self, role: Entity, wanted: Wanted) -> TemporaryCredentials:
        """A session of a role for one whom somebody decided to let have it."""
        if wanted.duration > role.longest_session:
            raise ValidationException(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        if wanted.duration < SHORTEST_SESSION:
            raise ValidationException("A session lasts 900 seconds at least.")
        return await self.issue(
            role.account,
            role.name,
            wanted.name,
            wanted.duration,
            policies=await self._narrowing(role.account, wanted),
            tags=_checked(wanted.tags),
        )

    async def issue(
        self,
        account: AccountId,
        role_name: str,
        session_name: str,
        duration: timedelta,
        *,
        policies: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        node: tuple[NodeId, Region] | None = None,
    ) -> TemporaryCredentials:
        """Keys of a new session. Whether it may be had, the caller of this has decided."""
        role = (await self._sessions.existing(account, role_name)).entity
        if not _NAME.fullmatch(session_name):
            raise InvalidInput(
                f"The session name {session_name} is not valid: "
                "2 to 64 letters, digits and characters of _+=,.@-"
            )
        if duration > LONGEST_SESSION:
            raise InvalidInput("No session lasts longer than 12 hours.")
        now = self._clock.now()
        session = Session(
            access_key=new_access_key(self._ids, temporary=True),
            secret=new_secret(self._ids),
            account=account,
            role=role.name,
            role_id=role.id,
            name=session_name,
            issued=now,
            expires=now + duration,
            policies=tuple(policies) or None,
            node=None if node is None else node[0],
            region=None if node is None else node[1],
            tags=tags or None,
        )
        return self._credentials(
            session, role.session_arn(session_name), f"{role.id}:{session_name}"
        )

    async def of_user(self, call: Call, duration: timedelta) -> TemporaryCredentials:
        """Keys of a session of the user who calls, with their permissions but those on identity
        itself; they end when the key that signed this call does."""
        call.allow_anybody()
        caller = call.caller
        if not caller.access_key or caller.session is not None or ":user/" not in caller.arn:
            raise AccessDeniedException("Cannot call GetSessionToken with session credentials")
        if not SHORTEST_SESSION <= duration <= LONGEST_USER_SESSION:
            raise ValidationException("A user's session lasts from 900 to 129600 seconds.")
        now = self._clock.now()
        session = Session(
            access_key=new_access_key(self._ids, temporary=True),
            secret=new_secret(self._ids),
            account=caller.account,
            role="",
            role_id="",
            name="",
            issued=now,
            expires=now + duration,
            parent=caller.access_key,
        )
        return self._credentials(session, caller.arn, caller.user_id)

    async def is_trusting(self, account: AccountId, role_name: str, service: str) -> bool:
        """Whether there is such a role, and this service may take it."""
        role = await self._sessions.role(account, role_name)
        if role is None:
            return False
        context: Context = {
            "aws:SourceAccount": [account],
            "aws:PrincipalIsAWSService": ["true"],
        }
        return trusting(role.entity, {"Service": [service]}, context)

    def _credentials(self, session: Session, arn: str, user_id: str) -> TemporaryCredentials:
        token = self._sessions.seal(session)
        return TemporaryCredentials(
            access_key=session.access_key,
            secret=session.secret,
            session_token=token,
            expires=session.expires,
            arn=arn,
            user_id=user_id,
            packed=100 * len(token) // LONGEST_TOKEN if session.policies or session.tags else None,
        )

    async def _narrowing(self, account: AccountId, wanted: Wanted) -> Sequence[str]:
        """The documents of all policies that are to narrow the session."""

        def documents(tx: Transaction) -> list[str]:
            return [the_policy(tx, account, arn).document for arn in wanted.policy_arns]

        own = [] if wanted.policy is None else [session_policy(wanted.policy)]
        return own + (await self._ledger.read(documents) if wanted.policy_arns else [])

    async def _names(self, caller: Caller) -> Names:
        """The ways in which a trust policy may name a caller."""
        names = [caller.arn, caller.account, f"arn:aws:iam::{caller.account}:root"]
        kind, _, rest = caller.arn.rpartition(":")[2].partition("/")
        if kind == "assumed-role":
            own = await self._sessions.role(caller.account, rest.partition("/")[0])
            names += [] if own is None else [own.entity.arn]
        return {"AWS": names}


def session_policy(document: str) -> str:
    """The document, if it is a policy that can narrow a session."""
    checked_policy(document, most=SESSION_POLICY_SIZE)
    return document


def trusting(
    role: Entity, names: Names, context: Context, *, action: str = "sts:AssumeRole"
) -> bool:
    """Whether the role's trust policy lets a principal of these names do this."""
    policy = compiled(role.name, role.trust, PolicyKind.TRUST)
    return trusts(policy, Question(action, role.arn, context), names).allowed


def _context_of(call: Call) -> Context:
    return {
        **call.context,
        **{f"aws:PrincipalTag/{key}": [value] for key, value in call.caller.tags.items()},
        "aws:PrincipalArn": [call.caller.arn],
        "aws:PrincipalAccount": [call.caller.account],
        "aws:userid": [call.caller.user_id],
        "aws:CurrentTime": [call.at.isoformat()],
    }


def _context_of_session(wanted: Wanted) -> Context:
    context: dict[str, Sequence[str]] = {"sts:RoleSessionName": [wanted.name]}
    context |= tags_asked(wanted.tags or {})
    return (
        context
        if wanted.external_id is None
        else {
            **context,
            "sts:ExternalId": [wanted.external_id],
        }
    )


def _checked(tags: Mapping[str, str] | None) -> Mapping[str, str]:
    """Nobody but the server may give a session the tags by which it knows nodes."""
    checked = check_tags(tags or {})
    for key in checked:
        if key.lower().startswith(RESERVED_TAGS):
            raise InvalidInput(f"Tag keys that begin with {RESERVED_TAGS} are reserved: {key}")
    return checked
