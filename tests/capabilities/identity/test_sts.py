"""STS by boto3: who one is, roles that are lent, sessions of one's own."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config

from ostler.wire.http import Request
from tests.support.in_process import Door, refusal

READ_ONLY = "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"


def a_statement(action: str | Sequence[str], effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": "*"}


def a_policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def a_user(door: Door, name: str, *statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The keys of a new user with these statements as their policy."""
    iam = door.client("iam")
    iam.create_user(UserName=name, **more)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=a_policy(*statements))
    keys: dict[str, Any] = iam.create_access_key(UserName=name)["AccessKey"]
    return keys


def a_role(door: Door, name: str, actions: Sequence[str] = ("sts:AssumeRole",)) -> str:
    """The ARN of a role of administrators that the account trusts."""
    iam = door.client("iam")
    principal = {"AWS": f"arn:aws:iam::{door.account}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": list(actions)}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=a_policy(trust))["Role"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    return str(made["Arn"])


def test_everybody_may_know_who_they_are(door: Door) -> None:
    denied = a_user(door, "denied", a_statement("*", "Deny"))

    told = door.client("sts", denied).get_caller_identity()

    assert (door.account, f"arn:aws:iam::{door.account}:user/denied") == (
        told["Account"],
        told["Arn"],
    )
    assert told["UserId"].startswith("AIDA")


def test_a_presigned_url_tells_as_well(door: Door) -> None:
    """As others have it checked whose an identity is: a URL that somebody else opens."""
    url = door.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    _, _, query = url.partition("?")
    answer = door.answer(Request("GET", "/", query, {"host": "ostler.example.org"}))

    assert 200 == answer.status
    assert f"<Arn>arn:aws:iam::{door.account}:user/administrator</Arn>" in answer.body.decode()


def test_a_role_is_lent(door: Door) -> None:
    role = a_role(door, "Lent")
    borrower = a_user(door, "borrower", a_statement("sts:AssumeRole"))

    answer = door.client("sts", borrower).assume_role(RoleArn=role, RoleSessionName="work")

    keys = answer["Credentials"]
    assert f"arn:aws:sts::{door.account}:assumed-role/Lent/work" == answer["AssumedRoleUser"]["Arn"]
    assert keys["AccessKeyId"].startswith("ASIA")
    assert timedelta(minutes=59) < keys["Expiration"] - datetime.now(UTC) < timedelta(hours=1)  # noqa: TID251
    told = door.client("sts", keys).get_caller_identity()
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": told["UserId"], "Arn": told["Arn"]}
    assert door.client("iam", keys).list_users()["Users"]
    # A key without its token is nobody's.
    without = {**keys, "SessionToken": None}
    assert "InvalidClientTokenId" == refusal(door.client("sts", without).get_caller_identity)[0]
    assert ("ValidationError", "Must specify userName when calling with non-User credentials") == (
        refusal(door.client("iam", keys).get_user)
    )


def test_a_session_is_narrowed_by_policies_of_its_own(door: Door) -> None:
    role = a_role(door, "Narrowed")
    sts = door.client("sts")
    given = {"RoleArn": role, "RoleSessionName": "work"}

    by_document = sts.assume_role(**given, Policy=a_policy(a_statement("iam:GetUser")))
    by_arn = sts.assume_role(**given, PolicyArns=[{"arn": READ_ONLY}])

    iam = door.client("iam", by_document["Credentials"])
    assert iam.get_user(UserName="administrator")
    assert refusal(iam.list_users)[1].endswith("no session policy allows the iam:ListUsers action")
    assert "AccessDenied" == refusal(door.client("iam", by_arn["Credentials"]).list_users)[0]
    assert door.client("ssm", by_arn["Credentials"]).list_documents()
    assert 0 < by_arn["PackedPolicySize"] < 100
    assert "NoSuchEntity" in refusal(
        sts.assume_role, **given, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/None"}]
    )
    assert "MalformedPolicyDocument" == refusal(sts.assume_role, **given, Policy="{}")[0]
    wide = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "ssm:*", "Resource": f"arn:aws:ssm:*:*:{n:05}/*"}
                for n in range(70)
            ],
        }
    )
    iam = door.client("iam")
    big = [
        iam.create_policy(PolicyName=f"Big{n}", PolicyDocument=wide)["Policy"]["Arn"]
        for n in range(2)
    ]
    code, words = refusal(sts.assume_role, **given, PolicyArns=[{"arn": arn} for arn in big])
    assert "PackedPolicyTooLarge" == code
    assert words.startswith("Packed policy consumes ")


def test_a_sessions_tags_are_its_principals(door: Door) -> None:
    untagged, role = a_role(door, "Untagged"), a_role(door, "Team", ["sts:*"])
    sts = door.client("sts")
    tags = [{"Key": "team", "Value": "red"}]
    given = {"RoleSessionName": "work", "Tags": tags}
    own = a_statement("iam:GetUser")
    own["Condition"] = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    door.client("iam").put_role_policy(
        RoleName="Team", PolicyName="p", PolicyDocument=a_policy(own)
    )
    door.client("iam").detach_role_policy(
        RoleName="Team", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )

    keys = sts.assume_role(RoleArn=role, **given)["Credentials"]

    assert door.client("iam", keys).get_user(UserName="administrator")
    plain = sts.assume_role(RoleArn=role, RoleSessionName="work")["Credentials"]
    assert (
        "AccessDenied" == refusal(door.client("iam", plain).get_user, UserName="administrator")[0]
    )
    assert "sts:TagSession on resource" in refusal(sts.assume_role, RoleArn=untagged, **given)[1]
    node = [{"Key": "ostler:node", "Value": "mi-0123456789abcdef0"}]
    assert (
        "InvalidInput"
        == refusal(sts.assume_role, RoleArn=role, RoleSessionName="work", Tags=node)[0]
    )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"DurationSeconds": 7200}, "ValidationError"),
        ({"DurationSeconds": 60}, "ValidationError"),
        ({"RoleSessionName": "a b"}, "ValidationError"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/Other"}, "AccessDenied"),
        ({"RoleArn": "nonsense"}, "ValidationError"),
        ({"TokenCode": "123456"}, "NotYetImplemented"),
    ],
)
def test_a_role_that_is_not_lent(door: Door, given: dict[str, Any], code: str) -> None:
    usual = {"RoleArn": f"arn:aws:iam::{door.account}:role/Usual", "RoleSessionName": "work"}
    iam = door.client("iam")
    if "Usual" not in [role["RoleName"] for role in iam.list_roles()["Roles"]]:
        a_role(door, "Usual")
    sts = door.client("sts", config=Config(parameter_validation=False))

    assert code == refusal(sts.assume_role, **{**usual, **given})[0]


def test_a_users_own_session_is_theirs_but_for_identity_itself(door: Door) -> None:
    user = a_user(door, "own", a_statement("*"))
    role = a_role(door, "AfterwardsLent")

    keys = door.client("sts", user).get_session_token(DurationSeconds=900)["Credentials"]

    sts = door.client("sts", keys)
    assert f"arn:aws:iam::{door.account}:user/own" == sts.get_caller_identity()["Arn"]
    assert door.client("ssm", keys).list_documents()
    assert sts.assume_role(RoleArn=role, RoleSessionName="next")
    assert "AccessDenied" == refusal(door.client("iam", keys).list_users)[0]
    assert "AccessDenied" == refusal(sts.get_session_token)[0]


def test_a_users_session_ends_with_the_key_that_asked_for_it(door: Door) -> None:
    user = a_user(door, "ending")
    keys = door.client("sts", user).get_session_token()["Credentials"]
    sts = door.client("sts", keys)
    assert sts.get_caller_identity()

    door.client("iam").delete_access_key(UserName="ending", AccessKeyId=user["AccessKeyId"])

    assert "InvalidClientTokenId" == refusal(sts.get_caller_identity)[0]


def test_a_role_of_no_more_lends_nothing(door: Door) -> None:
    role = a_role(door, "Gone")
    keys = door.client("sts").assume_role(RoleArn=role, RoleSessionName="work")["Credentials"]
    iam = door.client("iam")
    iam.detach_role_policy(RoleName="Gone", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")

    iam.delete_role(RoleName="Gone")

    assert "InvalidClientTokenId" == refusal(door.client("sts", keys).get_caller_identity)[0]
