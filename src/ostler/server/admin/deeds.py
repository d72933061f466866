"""What the administrator's commands do: one function a verb, its answer is printed."""

import json
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ostler.capabilities.identity import Directory, Entity, KeyPair, Kind, ManagedPolicy
from ostler.foundation.audit import Record, find
from ostler.foundation.call import Call
from ostler.foundation.ids import AccountId
from ostler.foundation.storage import Storage

Row = Mapping[str, Any]
Answer = Row | Sequence[Row] | None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a command works: the directory, the call that asks of it, and what was given."""

    storage: Storage
    directory: Directory
    call: Call
    given: Namespace

    @property
    def name(self) -> str:
        return str(self.given.name)

    @property
    def kind(self) -> Kind:
        """What the noun means, where it is one of a kind: user, group or role."""
        return Kind(self.given.noun)

    def text(self, argument: str) -> str:
        """What stands in the file that an argument names; `-` is the standard input."""
        path = getattr(self.given, argument)
        return sys.stdin.read() if path == "-" else Path(path).read_text()


Deed = Callable[[Desk], Awaitable[Answer]]


async def create_account(desk: Desk) -> Answer:
    account, pair = await desk.directory.accounts.create(
        desk.name, account=desk.given.id or "", scope=desk.call.scope
    )
    return {"Account": account.id, "Name": account.name, **_of_pair(pair)}


async def list_accounts(desk: Desk) -> Answer:
    return [
        {"Account": account.id, "Name": account.name, "Created": account.created}
        for account in await desk.directory.accounts.list()
    ]


async def delete_account(desk: Desk) -> Answer:
    await desk.directory.accounts.delete(AccountId(desk.name), scope=desk.call.scope)
    return None


async def create(desk: Desk) -> Answer:
    given, trust = desk.given, ""
    if desk.kind is Kind.ROLE:
        trust = desk.text("trust") if given.trust else _trust_of(given.service)
    entity = await desk.directory.create(
        desk.call,
        desk.kind,
        desk.name,
        path=given.path,
        description=given.description,
        trust=trust,
        longest_session=timedelta(hours=given.hours if desk.kind is Kind.ROLE else 1),
    )
    return _of_entity(entity)


async def every(desk: Desk) -> Answer:
    found = await desk.directory.list(desk.call, desk.kind)
    return [_of_entity(each) for each in found.items]


async def show(desk: Desk) -> Answer:
    found = await desk.directory.describe(desk.call, desk.kind, desk.name)
    row: dict[str, Any] = dict(_of_entity(found.entity))
    row |= {"Policies": list(found.attached), "InlinePolicies": list(found.inline)}
    if desk.kind is Kind.USER:
        row |= {"Groups": list(found.groups), "Keys": [k.access_key for k in found.keys]}
    if desk.kind is Kind.GROUP:
        return row | {"Users": list(found.users)}
    if desk.kind is Kind.ROLE:
        row["TrustPolicy"] = json.loads(found.entity.trust)
    return row | {"Boundary": found.entity.boundary or ""}


async def delete(desk: Desk) -> Answer:
    await desk.directory.delete(desk.call, desk.kind, desk.name, whole=desk.given.whole)
    return None


async def attach(desk: Desk) -> Answer:
    policies = desk.directory.policies
    arn = await policies.attach(desk.call, desk.kind, desk.name, desk.given.policy)
    return {"Name": desk.name, "Policy": arn}


async def detach(desk: Desk) -> Answer:
    await desk.directory.policies.detach(desk.call, desk.kind, desk.name, desk.given.policy)
    return None


async def put_inline(desk: Desk) -> Answer:
    await desk.directory.policies.put_inline(
        desk.call, desk.kind, desk.name, desk.given.policy, desk.text("file")
    )
    return None


async def drop_inline(desk: Desk) -> Answer:
    await desk.directory.policies.drop_inline(desk.call, desk.kind, desk.name, desk.given.policy)
    return None


async def bound(desk: Desk) -> Answer:
    policy = desk.given.policy or ""
    entity = await desk.directory.change(desk.call, desk.kind, desk.name, boundary=policy)
    return {"Name": desk.name, "Boundary": entity.boundary or ""}


async def trust(desk: Desk) -> Answer:
    await desk.directory.change(desk.call, Kind.ROLE, desk.name, trust=desk.text("file"))
    return None


async def join(desk: Desk) -> Answer:
    await desk.directory.join(desk.call, desk.name, desk.given.group)
    return None


async def leave(desk: Desk) -> Answer:
    await desk.directory.leave(desk.call, desk.name, desk.given.group)
    return None


async def create_policy(desk: Desk) -> Answer:
    policy = await desk.directory.policies.create(
        desk.call,
        desk.name,
        desk.text("file"),
        path=desk.given.path,
        description=desk.given.description,
    )
    return _of_policy(policy)


async def list_policies(desk: Desk) -> Answer:
    return [_of_policy(each.policy) for each in await desk.directory.policies.list(desk.call)]


async def show_policy(desk: Desk) -> Answer:
    policy = (await desk.directory.policies.get(desk.call, desk.name)).policy
    return {**_of_policy(policy), "Document": json.loads(policy.document)}


async def change_policy(desk: Desk) -> Answer:
    policies, text = desk.directory.policies, desk.text("file")
    policy, _ = await policies.change(desk.call, desk.name, text, dropping=True)
    return _of_policy(policy)


async def delete_policy(desk: Desk) -> Answer:
    await desk.directory.policies.delete(desk.call, desk.name, whole=True)
    return None


async def create_key(desk: Desk) -> Answer:
    return _of_pair(await desk.directory.keys.create(desk.call, desk.name))


async def list_keys(desk: Desk) -> Answer:
    return [
        {
            "AccessKeyId": key.access_key,
            "User": key.user,
            "Status": "Active" if key.active else "Inactive",
            "Created": key.created,
        }
        for key in await desk.directory.keys.list(desk.call, desk.name)
    ]


async def enable_key(desk: Desk) -> Answer:
    await desk.directory.keys.switch(desk.call, desk.name, active=True)
    return None


async def disable_key(desk: Desk) -> Answer:
    await desk.directory.keys.switch(desk.call, desk.name, active=False)
    return None


async def delete_key(desk: Desk) -> Answer:
    await desk.directory.keys.delete(desk.call, desk.name)
    return None


async def audit(desk: Desk) -> Answer:
    given = desk.given
    action = given.action if ":" in given.action or not given.action else f"ssm:{given.action}"
    look = partial(
        find,
        account=desk.call.account,
        action=action,
        caller=given.caller,
        since=given.since,
        limit=given.limit,
        newest=True,
    )
    row = _of_record if given.json else _of_record_in_short
    return [row(record) for record in await desk.storage.read(None, look)]


def _of_record(record: Record) -> Row:
    return {
        "Sequence": record.sequence,
        "At": record.at,
        "Account": record.account,
        "Region": record.region,
        "Caller": record.caller,
        "AccessKeyId": record.access_key,
        "SourceIp": record.source,
        "Action": record.action,
        "Input": record.input,
        "Resources": list(record.resources),
        "Outcome": record.outcome,
        "RequestId": record.request_id,
    }


def _of_record_in_short(record: Record) -> Row:
    return {
        "At": f"{record.at:%Y-%m-%d %H:%M:%S}",
        "Outcome": record.outcome,
        "Action": record.action,
        "Caller": record.caller,
        "Source": record.source,
    }


def _of_entity(entity: Entity) -> Row:
    return {
        "Name": entity.name,
        "Id": entity.id,
        "Arn": entity.arn,
        "Created": entity.created,
        "Description": entity.description,
    }


def _of_policy(policy: ManagedPolicy) -> Row:
    return {"Name": policy.name, "Arn": policy.arn, "Description": policy.description}


def _of_pair(pair: KeyPair) -> Row:
    return {"AccessKeyId": pair.access_key, "SecretAccessKey": pair.secret_key}


def _trust_of(service: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": statement})
