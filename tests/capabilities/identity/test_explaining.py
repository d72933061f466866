"""Which statement decides, and who may: simulated, and explained by operations of our own."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.in_process import Door, refusal, with_extensions

DOCUMENT = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"


@pytest.fixture(scope="module")
def iam(door: Door) -> Any:
    """A client that knows our own operations, as docs/reference/extensions.md says."""
    return door.client("iam", session=with_extensions())


@pytest.fixture(scope="module")
def people(door: Door, iam: Any) -> str:
    """The account, with people in it whom several policies bind."""
    iam.create_group(GroupName="operators")
    iam.put_group_policy(
        GroupName="operators",
        PolicyName="Run",
        PolicyDocument=a_policy({"Sid": "Scripts", "Action": "ssm:SendCommand"}),
    )
    managed = iam.create_policy(
        PolicyName="Careful",
        PolicyDocument=a_policy({"Effect": "Deny", "Action": "ssm:Delete*"}, {"Action": "ssm:*"}),
    )["Policy"]["Arn"]
    for name in ("alice", "bob", "carol"):
        iam.create_user(UserName=name)
    iam.add_user_to_group(UserName="alice", GroupName="operators")
    iam.attach_user_policy(UserName="bob", PolicyArn=managed)
    iam.put_user_permissions_boundary(
        UserName="bob", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"
    )
    return door.account


def a_policy(*statements: dict[str, Any]) -> str:
    usual = {"Effect": "Allow", "Resource": "*"}
    listed = [{**usual, **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": listed})


def explained(iam: Any, account: str, user: str, action: str, **more: Any) -> Any:
    return iam.explain_access(
        PrincipalArn=f"arn:aws:iam::{account}:user/{user}", ActionName=action, **more
    )


def test_the_statement_that_allows_is_named(iam: Any, people: str) -> None:
    told = explained(iam, people, "alice", "ssm:SendCommand", ResourceArn=DOCUMENT)

    assert "allowed" == told["Decision"]
    [reason] = told["Reasons"]
    assert {"Action": "ssm:SendCommand", "Effect": "Allow", "Resource": "*", "Sid": "Scripts"} == (
        json.loads(reason.pop("Statement"))
    )
    assert {
        "Layer": "identity",
        "Allowed": True,
        "PolicyName": "Run",
        "PolicyArn": "",
        "Holder": "group/operators",
        "StatementId": "Scripts",
    } == reason


def test_nothing_allows(iam: Any, people: str) -> None:
    told = explained(iam, people, "carol", "ssm:SendCommand")

    assert ("implicitDeny", [{"Layer": "identity", "Allowed": False}]) == (
        told["Decision"],
        told["Reasons"],
    )


def test_a_boundary_is_a_layer_of_its_own(iam: Any, people: str) -> None:
    told = explained(iam, people, "bob", "ssm:SendCommand")

    assert "implicitDeny" == told["Decision"]
    own, bounds = told["Reasons"]
    assert (True, "Careful", "2") == (own["Allowed"], own["PolicyName"], own["StatementId"])
    assert {"Layer": "boundary", "Allowed": False} == bounds


def test_a_denial_is_named(iam: Any, people: str) -> None:
    told = explained(iam, people, "bob", "ssm:DeleteDocument")

    assert "explicitDeny" == told["Decision"]
    assert f"arn:aws:iam::{people}:policy/Careful" == told["Reasons"][0]["PolicyArn"]


def test_conditions_are_weighed_with_what_is_given_and_with_the_resources_tags(
    door: Door, iam: Any, people: str
) -> None:
    iam.create_user(UserName="dora", Tags=[{"Key": "team", "Value": "red"}])
    tagged = {"StringEquals": {"ssm:resourceTag/team": "${aws:PrincipalTag/team}"}}
    inside = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    iam.put_user_policy(
        UserName="dora",
        PolicyName="p",
        PolicyDocument=a_policy({"Action": "ssm:*", "Condition": {**tagged, **inside}}),
    )
    ssm = door.client("ssm")
    tag = [{"Key": "team", "Value": "red"}]
    ssm.put_parameter(Name="/mine", Value="1", Type="String", Tags=tag)
    ssm.put_parameter(Name="/theirs", Value="1", Type="String")

    def decided(name: str, address: str) -> str:
        entry = {"ContextKeyName": "aws:SourceIp", "ContextKeyType": "ip"}
        told = explained(
            iam,
            people,
            "dora",
            "ssm:GetParameter",
            ResourceArn=f"arn:aws:ssm:us-east-1:{people}:parameter/{name}",
            ContextEntries=[{**entry, "ContextKeyValues": [address]}],
        )
        return str(told["Decision"])

    assert "allowed" == decided("mine", "10.1.2.3")
    assert "implicitDeny" == decided("mine", "192.0.2.1")
    assert "implicitDeny" == decided("theirs", "10.1.2.3")


def test_who_can(iam: Any, people: str) -> None:
    def asked(**given: Any) -> list[str]:
        marker: dict[str, str] = {}
        found: list[str] = []
        while True:
            page = iam.list_principals_with_access(**given, **marker)
            found += [each["Arn"].rpartition(":")[2] for each in page["Principals"]]
            if not page["IsTruncated"]:
                return found
            marker = {"Marker": page["Marker"]}

    sending = {"ActionName": "ssm:SendCommand", "ResourceArn": DOCUMENT}
    assert ["user/administrator", "user/alice"] == asked(**sending)
    assert asked(**sending) == asked(**sending, MaxItems=1)
    assert ["user/administrator", "user/bob", "role/OstlerManagedInstance"] == [
        who for who in asked(ActionName="ssm:GetDocument") if who != "user/dora"
    ]


@pytest.mark.parametrize(
    ("user", "action", "decision", "sources"),
    [
        ("alice", "ssm:SendCommand", "allowed", [("Run", "group")]),
        (
            "bob",
            "ssm:GetDocument",
            "allowed",
            [("Careful", "user-managed"), ("AmazonSSMReadOnlyAccess", "aws-managed")],
        ),
        ("bob", "ssm:DeleteDocument", "explicitDeny", [("Careful", "user-managed")]),
        ("carol", "ssm:SendCommand", "implicitDeny", []),
    ],
)
def test_simulating_a_principal(
    iam: Any, people: str, user: str, action: str, decision: str, sources: Sequence[Any]
) -> None:
    [result] = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{people}:user/{user}", ActionNames=[action]
    )["EvaluationResults"]

    assert (action, "*", decision) == (
        result["EvalActionName"],
        result["EvalResourceName"],
        result["EvalDecision"],
    )
    assert sources == [
        (each["SourcePolicyId"], each["SourcePolicyType"]) for each in result["MatchedStatements"]
    ]


def test_simulating_more_policies_and_another_boundary(iam: Any, people: str) -> None:
    def decided(user: str, **more: Any) -> list[str]:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{people}:user/{user}",
            ActionNames=["ssm:SendCommand", "ssm:GetDocument"],
            **more,
        )
        return [result["EvalDecision"] for result in answer["EvaluationResults"]]

    extra = [a_policy({"Action": "ssm:Get*"})]
    assert ["implicitDeny", "allowed"] == decided("carol", PolicyInputList=extra)
    assert ["allowed", "implicitDeny"] == decided(
        "bob",
        PermissionsBoundaryPolicyInputList=[a_policy({"Action": "ssm:SendCommand"})],
    )


def test_simulating_policies_alone(iam: Any) -> None:
    given = {"ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::a/b"]}
    own = [a_policy({"Action": "s3:*", "Resource": "arn:aws:s3:::a/*"})]

    [result] = iam.simulate_custom_policy(PolicyInputList=own, **given)["EvaluationResults"]

    assert ("allowed", "PolicyInputList.1", "none") == (
        result["EvalDecision"],
        result["MatchedStatements"][0]["SourcePolicyId"],
        result["MatchedStatements"][0]["SourcePolicyType"],
    )
    assert "InvalidInput" in refusal(iam.simulate_custom_policy, PolicyInputList=["{}"], **given)


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:iam::{}:user/nobody", "NoSuchEntity"),
        ("arn:aws:iam::{}:user/path/alice", "NoSuchEntity"),
        ("arn:aws:iam::999999999999:user/alice", "InvalidInput"),
        ("arn:aws:iam::{}:policy/Careful", "InvalidInput"),
        ("arn:aws:sts::{}:assumed-role/a/b", "InvalidInput"),
    ],
)
def test_who_is_not_there_cannot_be_examined(iam: Any, people: str, arn: str, code: str) -> None:
    given = {"PrincipalArn": arn.format(people), "ActionName": "ssm:GetDocument"}

    assert code == refusal(iam.explain_access, **given)[0]


def test_who_may_not_examine_others_learns_nothing(door: Door, iam: Any, people: str) -> None:
    theirs = door.client("iam", iam.create_access_key(UserName="carol")["AccessKey"])
    arn = f"arn:aws:iam::{people}:user/nobody"

    code, words = refusal(
        theirs.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["a:b"]
    )

    assert "AccessDenied" == code
    assert f"iam:SimulatePrincipalPolicy on resource: {arn}" in words
