"""IAM by boto3: what Terraform's provider and the aws CLI call, in the order in which they do."""

import json
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.in_process import Door, refusal

ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ssm.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
SHIPPED = "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"


@pytest.fixture(scope="module")
def iam(door: Door) -> Any:
    return door.client("iam")


def test_a_users_life(door: Door, iam: Any) -> None:
    tags = [{"Key": "team", "Value": "red"}]
    made = iam.create_user(UserName="Alice", Path="/staff/", Tags=tags)["User"]

    assert f"arn:aws:iam::{door.account}:user/staff/Alice" == made["Arn"]
    assert ("EntityAlreadyExists", "User with name alice already exists.") == refusal(
        iam.create_user, UserName="alice"
    )
    assert made == iam.get_user(UserName="Alice")["User"]
    assert [made["Arn"]] == [u["Arn"] for u in iam.list_users(PathPrefix="/staff/")["Users"]]
    iam.tag_user(UserName="Alice", Tags=[{"Key": "level", "Value": "1"}])
    iam.untag_user(UserName="Alice", TagKeys=["team", "absent"])
    assert [{"Key": "level", "Value": "1"}] == iam.list_user_tags(UserName="Alice")["Tags"]

    iam.update_user(UserName="Alice", NewUserName="Carol", NewPath="/")
    assert ("NoSuchEntity", "The user with name Alice cannot be found.") == refusal(
        iam.get_user, UserName="Alice"
    )
    assert made["UserId"] == iam.get_user(UserName="Carol")["User"]["UserId"]
    iam.delete_user(UserName="Carol")
    assert "NoSuchEntity" == refusal(iam.delete_user, UserName="Carol")[0]


def test_what_hangs_on_a_user_moves_with_them_and_has_to_go_first(door: Door, iam: Any) -> None:
    iam.create_group(GroupName="readers")
    iam.create_user(UserName="bob")
    iam.add_user_to_group(GroupName="readers", UserName="bob")
    iam.attach_user_policy(UserName="bob", PolicyArn=SHIPPED)
    iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=json.dumps(ALLOW))
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    iam.update_user(UserName="bob", NewUserName="bert")

    assert ["readers"] == [
        group["GroupName"] for group in iam.list_groups_for_user(UserName="bert")["Groups"]
    ]
    assert ["bert"] == [user["UserName"] for user in iam.get_group(GroupName="readers")["Users"]]
    assert "bert" == iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["UserName"]
    own = door.client("sts", key).get_caller_identity()
    assert f"arn:aws:iam::{door.account}:user/bert" == own["Arn"]

    def conflict() -> str:
        code, words = refusal(iam.delete_user, UserName="bert")
        assert "DeleteConflict" == code
        return words

    assert "Cannot delete entity, must detach all policies first." == conflict()
    iam.detach_user_policy(UserName="bert", PolicyArn=SHIPPED)
    assert "Cannot delete entity, must delete policies first." == conflict()
    iam.delete_user_policy(UserName="bert", PolicyName="own")
    assert "Cannot delete entity, must delete access keys first." == conflict()
    iam.delete_access_key(UserName="bert", AccessKeyId=key["AccessKeyId"])
    assert "Cannot delete entity, must remove user from all groups first." == conflict()
    for empty, member in (
        (iam.list_mfa_devices, "MFADevices"),
        (iam.list_ssh_public_keys, "SSHPublicKeys"),
        (iam.list_signing_certificates, "Certificates"),
        (iam.list_service_specific_credentials, "ServiceSpecificCredentials"),
    ):
        assert [] == empty(UserName="bert")[member]
    assert [] == iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    assert ("NoSuchEntity", "Login Profile for User bert cannot be found.") == refusal(
        iam.get_login_profile, UserName="bert"
    )
    assert "DeleteConflict" == refusal(iam.delete_group, GroupName="readers")[0]
    iam.remove_user_from_group(GroupName="readers", UserName="bert")
    iam.delete_user(UserName="bert")
    iam.delete_group(GroupName="readers")


def test_access_keys_are_two_and_can_be_switched_off(door: Door, iam: Any) -> None:
    iam.create_user(UserName="keyed")
    first = iam.create_access_key(UserName="keyed")["AccessKey"]
    iam.create_access_key(UserName="keyed")
    assert ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2") == refusal(
        iam.create_access_key, UserName="keyed"
    )
    sts = door.client("sts", first)
    assert sts.get_caller_identity()

    iam.update_access_key(UserName="keyed", AccessKeyId=first["AccessKeyId"], Status="Inactive")

    assert ("InvalidClientTokenId", "The security token included in the request is invalid.") == (
        refusal(sts.get_caller_identity)
    )
    found = iam.list_access_keys(UserName="keyed")["AccessKeyMetadata"]
    assert ["Inactive", "Active"] == [key["Status"] for key in found]
    assert (
        "NoSuchEntity"
        == refusal(
            iam.delete_access_key, UserName="administrator", AccessKeyId=first["AccessKeyId"]
        )[0]
    )
    assert "NoSuchEntity" == refusal(iam.get_access_key_last_used, AccessKeyId="A" * 20)[0]


def test_when_a_key_was_used_last_is_known(door: Door, iam: Any) -> None:
    iam.create_user(UserName="used")
    key = iam.create_access_key(UserName="used")["AccessKey"]
    asked = {"AccessKeyId": key["AccessKeyId"]}
    never = iam.get_access_key_last_used(**asked)["AccessKeyLastUsed"]
    assert {"ServiceName": "N/A", "Region": "N/A"} == never
    door.client("sts", key, region_name="eu-west-1").get_caller_identity()

    door.do(door.house.rooms.identity.uses.write_down())

    used = iam.get_access_key_last_used(**asked)["AccessKeyLastUsed"]
    assert ("sts", "eu-west-1") == (used["ServiceName"], used["Region"])
    assert used["LastUsedDate"] >= key["CreateDate"].replace(microsecond=0)


def test_who_names_nobody_means_themselves(door: Door, iam: Any) -> None:
    iam.create_user(UserName="selfish")
    statement = {
        "Effect": "Allow",
        "Action": ["iam:GetUser", "iam:*AccessKey*"],
        "Resource": "arn:aws:iam::*:user/${aws:username}",
    }
    own = {"Version": "2012-10-17", "Statement": statement}
    iam.put_user_policy(UserName="selfish", PolicyName="own", PolicyDocument=json.dumps(own))
    theirs = door.client("iam", iam.create_access_key(UserName="selfish")["AccessKey"])

    assert "selfish" == theirs.get_user()["User"]["UserName"]
    assert 1 == len(theirs.list_access_keys()["AccessKeyMetadata"])
    assert "selfish" == theirs.create_access_key()["AccessKey"]["UserName"]
    code, words = refusal(theirs.get_user, UserName="administrator")
    assert "AccessDenied" == code
    assert (
        f"User: arn:aws:iam::{door.account}:user/selfish is not authorized to perform: iam:GetUser "
        f"on resource: arn:aws:iam::{door.account}:user/administrator because no identity-based "
        "policy allows the iam:GetUser action"
    ) == words


def test_a_roles_life(door: Door, iam: Any) -> None:
    given = {"RoleName": "Worker", "AssumeRolePolicyDocument": json.dumps(TRUST)}
    made = iam.create_role(**given, Description="works", MaxSessionDuration=7200)["Role"]

    assert TRUST == made["AssumeRolePolicyDocument"]
    assert 7200 == made["MaxSessionDuration"]
    assert ("EntityAlreadyExists", "Role with name Worker already exists.") == refusal(
        iam.create_role, **given
    )
    iam.update_role(RoleName="Worker", Description="rests", MaxSessionDuration=3600)
    wider = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"AWS": door.account}}]}
    iam.update_assume_role_policy(RoleName="Worker", PolicyDocument=json.dumps(wider))
    iam.put_role_permissions_boundary(RoleName="Worker", PermissionsBoundary=SHIPPED)
    iam.tag_role(RoleName="Worker", Tags=[{"Key": "a", "Value": "b"}])
    role = iam.get_role(RoleName="Worker")["Role"]
    assert ("rests", 3600, wider) == (
        role["Description"],
        role["MaxSessionDuration"],
        role["AssumeRolePolicyDocument"],
    )
    assert SHIPPED == role["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert [{"Key": "a", "Value": "b"}] == role["Tags"]
    assert role["Tags"] == iam.list_role_tags(RoleName="Worker")["Tags"]
    iam.delete_role_permissions_boundary(RoleName="Worker")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="Worker")["Role"]

    iam.create_instance_profile(InstanceProfileName="Machine")
    iam.add_role_to_instance_profile(InstanceProfileName="Machine", RoleName="Worker")
    assert (
        "LimitExceeded"
        == refusal(
            iam.add_role_to_instance_profile, InstanceProfileName="Machine", RoleName="Worker"
        )[0]
    )
    iam.attach_role_policy(RoleName="Worker", PolicyArn=SHIPPED)
    iam.put_role_policy(RoleName="Worker", PolicyName="own", PolicyDocument=json.dumps(ALLOW))
    assert "DeleteConflict" == refusal(iam.delete_role, RoleName="Worker")[0]

    # As Terraform's provider destroys a role.
    for profile in iam.list_instance_profiles_for_role(RoleName="Worker")["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(
            InstanceProfileName=profile["InstanceProfileName"], RoleName="Worker"
        )
    for policy in iam.list_attached_role_policies(RoleName="Worker")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="Worker", PolicyArn=policy["PolicyArn"])
    for name in iam.list_role_policies(RoleName="Worker")["PolicyNames"]:
        iam.delete_role_policy(RoleName="Worker", PolicyName=name)
    iam.delete_role(RoleName="Worker")
    iam.delete_instance_profile(InstanceProfileName="Machine")
    assert "NoSuchEntity" == refusal(iam.get_role, RoleName="Worker")[0]


def test_instance_profiles(door: Door, iam: Any) -> None:
    made = iam.create_instance_profile(
        InstanceProfileName="P", Path="/fleet/", Tags=[{"Key": "a", "Value": "b"}]
    )["InstanceProfile"]
    iam.create_role(RoleName="InProfile", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.add_role_to_instance_profile(InstanceProfileName="P", RoleName="InProfile")

    found = iam.get_instance_profile(InstanceProfileName="P")["InstanceProfile"]
    assert f"arn:aws:iam::{door.account}:instance-profile/fleet/P" == made["Arn"] == found["Arn"]
    assert ["InProfile"] == [role["RoleName"] for role in found["Roles"]]
    iam.untag_instance_profile(InstanceProfileName="P", TagKeys=["a"])
    iam.tag_instance_profile(InstanceProfileName="P", Tags=[{"Key": "c", "Value": "d"}])
    told = iam.list_instance_profile_tags(InstanceProfileName="P")["Tags"]
    assert [{"Key": "c", "Value": "d"}] == told
    assert ("EntityAlreadyExists", "Instance Profile p already exists.") == refusal(
        iam.create_instance_profile, InstanceProfileName="p"
    )
    assert "DeleteConflict" == refusal(iam.delete_instance_profile, InstanceProfileName="P")[0]
    below = iam.list_instance_profiles(PathPrefix="/fleet/")["InstanceProfiles"]
    assert ["P"] == [profile["InstanceProfileName"] for profile in below]
    assert (
        "NoSuchEntity"
        == refusal(
            iam.remove_role_from_instance_profile, InstanceProfileName="P", RoleName="Other"
        )[0]
    )


def test_a_policys_versions(door: Door, iam: Any) -> None:
    first, arn = json.dumps(ALLOW), f"arn:aws:iam::{door.account}:policy/Versioned"
    made = iam.create_policy(PolicyName="Versioned", PolicyDocument=first, Description="of mine")
    assert arn == made["Policy"]["Arn"]
    assert (
        "EntityAlreadyExists",
        "A policy called versioned already exists. Duplicate names are not allowed.",
    ) == refusal(iam.create_policy, PolicyName="versioned", PolicyDocument=first)
    changed = {**ALLOW, "Statement": [{**ALLOW["Statement"][0], "Action": "ssm:PutParameter"}]}

    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(changed))
    assert ("v2", False) == (
        second["PolicyVersion"]["VersionId"],
        second["PolicyVersion"]["IsDefaultVersion"],
    )
    assert (
        changed
        == iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    )
    assert "v1" == iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert "v2" == iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    assert ("DeleteConflict", "Cannot delete the default version of a policy.") == refusal(
        iam.delete_policy_version, PolicyArn=arn, VersionId="v2"
    )
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=first, SetAsDefault=True)
    code, words = refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=first)
    assert "LimitExceeded" == code
    assert words.startswith("A managed policy can have up to 5 versions.")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [("v6", True), ("v5", False)] == [
        (each["VersionId"], each["IsDefaultVersion"]) for each in versions[:2]
    ]
    assert "more than one version" in refusal(iam.delete_policy, PolicyArn=arn)[1]
    for each in versions[1:]:
        iam.delete_policy_version(PolicyArn=arn, VersionId=each["VersionId"])
    iam.delete_policy(PolicyArn=arn)
    assert "NoSuchEntity" == refusal(iam.get_policy, PolicyArn=arn)[0]


def test_a_policys_new_version_counts_at_once(door: Door, iam: Any) -> None:
    policy = iam.create_policy(PolicyName="Counts", PolicyDocument=json.dumps(ALLOW))["Policy"]
    iam.create_user(UserName="counted")
    iam.attach_user_policy(UserName="counted", PolicyArn=policy["Arn"])
    theirs = door.client("ssm", iam.create_access_key(UserName="counted")["AccessKey"])
    assert "ParameterNotFound" == refusal(theirs.get_parameter, Name="/none")[0]
    denied = {**ALLOW, "Statement": [{**ALLOW["Statement"][0], "Effect": "Deny"}]}

    iam.create_policy_version(
        PolicyArn=policy["Arn"], PolicyDocument=json.dumps(denied), SetAsDefault=True
    )

    code, words = refusal(theirs.get_parameter, Name="/none")
    assert "AccessDeniedException" == code
    assert words.endswith("with an explicit deny in an identity-based policy")


def test_whom_a_policy_is_attached_to(door: Door, iam: Any) -> None:
    arn = iam.create_policy(PolicyName="Held", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    iam.create_user(UserName="holder")
    iam.create_group(GroupName="holders", Path="/a/")
    iam.create_role(
        RoleName="Holder", AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=arn
    )
    iam.attach_user_policy(UserName="holder", PolicyArn=arn)
    iam.attach_group_policy(GroupName="holders", PolicyArn=arn)

    found = iam.list_entities_for_policy(PolicyArn=arn)
    assert ["holder"] == [each["UserName"] for each in found["PolicyUsers"]]
    assert ["holders"] == [each["GroupName"] for each in found["PolicyGroups"]]
    assert ["Holder"] == [each["RoleName"] for each in found["PolicyRoles"]]
    bounds = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert ([], 1) == (bounds["PolicyUsers"], len(bounds["PolicyRoles"]))
    below = iam.list_entities_for_policy(PolicyArn=arn, PathPrefix="/a/", EntityFilter="Group")
    assert (1, []) == (len(below["PolicyGroups"]), below["PolicyRoles"])
    told = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (2, 1) == (told["AttachmentCount"], told["PermissionsBoundaryUsageCount"])
    assert ("DeleteConflict", "Cannot delete a policy attached to entities.") == refusal(
        iam.delete_policy, PolicyArn=arn
    )
    assert arn in [
        each["Arn"] for each in iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"]
    ]


def test_a_policy_has_tags(iam: Any) -> None:
    tags = [{"Key": "a", "Value": "b"}]
    made = iam.create_policy(PolicyName="Tagged", PolicyDocument=json.dumps(ALLOW), Tags=tags)
    arn = made["Policy"]["Arn"]
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])

    assert [{"Key": "c", "Value": "d"}] == iam.list_policy_tags(PolicyArn=arn)["Tags"]
    many = [{"Key": f"k{i}", "Value": ""} for i in range(50)]
    assert "LimitExceeded" == refusal(iam.tag_policy, PolicyArn=arn, Tags=many)[0]
    assert (
        "InvalidInput"
        == refusal(iam.tag_policy, PolicyArn=arn, Tags=[{"Key": "aws:x", "Value": ""}])[0]
    )


def test_shipped_policies_are_there_and_stay_as_they_are(iam: Any) -> None:
    shipped = iam.list_policies(Scope="AWS")["Policies"]
    assert {SHIPPED, "arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole"} <= {
        policy["Arn"] for policy in shipped
    }
    assert iam.get_policy_version(PolicyArn=SHIPPED, VersionId="v1")["PolicyVersion"]["Document"]
    assert (
        "InvalidInput"
        == refusal(iam.create_policy_version, PolicyArn=SHIPPED, PolicyDocument=json.dumps(ALLOW))[
            0
        ]
    )


@pytest.mark.parametrize("kind", ["User", "Group", "Role"])
def test_inline_policies_of_every_kind(iam: Any, kind: str) -> None:
    name = {f"{kind}Name": f"inline-{kind}"}
    trust = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind == "Role" else {}

    def call(verb: str, **given: Any) -> Any:
        return getattr(iam, f"{verb}_{kind.lower()}_policy")(**name, **given)

    getattr(iam, f"create_{kind.lower()}")(**name, **trust)
    call("put", PolicyName="p", PolicyDocument=json.dumps(ALLOW))

    assert ALLOW == call("get", PolicyName="p")["PolicyDocument"]
    assert ["p"] == getattr(iam, f"list_{kind.lower()}_policies")(**name)["PolicyNames"]
    call("delete", PolicyName="p")
    with pytest.raises(ClientError, match=f"The {kind.lower()} policy with name p cannot be found"):
        call("get", PolicyName="p")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        call("attach", PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")
    call("attach", PolicyArn=SHIPPED)
    attached = getattr(iam, f"list_attached_{kind.lower()}_policies")(**name)["AttachedPolicies"]
    assert [{"PolicyName": "AmazonSSMReadOnlyAccess", "PolicyArn": SHIPPED}] == attached
    call("detach", PolicyArn=SHIPPED)
    with pytest.raises(ClientError, match=f"Policy {SHIPPED} was not found."):
        call("detach", PolicyArn=SHIPPED)


def test_lists_come_in_pages(iam: Any) -> None:
    for number in range(5):
        iam.create_group(GroupName=f"page{number}", Path="/pages/")
    pages = iam.get_paginator("list_groups").paginate(
        PathPrefix="/pages/", PaginationConfig={"PageSize": 2}
    )

    names = [[group["GroupName"] for group in page["Groups"]] for page in pages]
    assert [["page0", "page1"], ["page2", "page3"], ["page4"]] == names
    first = iam.list_groups(PathPrefix="/pages/", MaxItems=2)
    assert first["IsTruncated"]
    assert ("ValidationError", "Invalid Marker.") == refusal(
        iam.list_groups, PathPrefix="/", Marker=first["Marker"]
    )


@pytest.mark.parametrize(
    ("operation", "given", "code"),
    [
        ("create_user", {"UserName": "a b"}, "ValidationError"),
        ("create_user", {"UserName": "x", "Path": "nowhere"}, "ValidationError"),
        ("create_user", {"UserName": "x" * 65}, "ValidationError"),
        (
            "create_user",
            {"UserName": "x", "PermissionsBoundary": "arn:aws:iam::aws:policy/No"},
            "NoSuchEntity",
        ),
        ("create_policy", {"PolicyName": "x", "PolicyDocument": "{"}, "MalformedPolicyDocument"),
        (
            "create_role",
            {"RoleName": "x", "AssumeRolePolicyDocument": json.dumps(ALLOW)},
            "MalformedPolicyDocument",
        ),
        (
            "create_role",
            {
                "RoleName": "x",
                "AssumeRolePolicyDocument": json.dumps(TRUST),
                "MaxSessionDuration": 60,
            },
            "ValidationError",
        ),
        ("get_policy_version", {"PolicyArn": SHIPPED, "VersionId": "two"}, "ValidationError"),
        ("get_policy_version", {"PolicyArn": SHIPPED, "VersionId": "v2"}, "NoSuchEntity"),
        ("add_user_to_group", {"UserName": "x", "GroupName": "y"}, "NoSuchEntity"),
        (
            "upload_server_certificate",
            {"ServerCertificateName": "x", "CertificateBody": "x", "PrivateKey": "x"},
            "NotYetImplemented",
        ),
    ],
)
def test_bad_input(door: Door, operation: str, given: dict[str, Any], code: str) -> None:
    unchecked = door.client("iam", config=Config(parameter_validation=False))

    assert code == refusal(getattr(unchecked, operation), **given)[0]


def test_a_boundary_says_whom_one_may_look_after(door: Door, iam: Any) -> None:
    """The usual way to delegate: new users only within a boundary, and policies only for them."""
    iam.create_user(UserName="delegate")
    statement = {
        "Effect": "Allow",
        "Action": ["iam:CreateUser", "iam:AttachUserPolicy"],
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:PermissionsBoundary": SHIPPED}},
    }
    policy = {"Version": "2012-10-17", "Statement": statement}
    iam.put_user_policy(UserName="delegate", PolicyName="p", PolicyDocument=json.dumps(policy))
    theirs = door.client("iam", iam.create_access_key(UserName="delegate")["AccessKey"])

    assert "AccessDenied" == refusal(theirs.create_user, UserName="free")[0]
    theirs.create_user(UserName="bound", PermissionsBoundary=SHIPPED)
    theirs.attach_user_policy(UserName="bound", PolicyArn=SHIPPED)
    assert (
        "AccessDenied"
        == refusal(theirs.attach_user_policy, UserName="administrator", PolicyArn=SHIPPED)[0]
    )


def test_tags_say_whom_one_may_look_after(door: Door, iam: Any) -> None:
    iam.create_user(UserName="lead", Tags=[{"Key": "team", "Value": "red"}])
    iam.create_user(UserName="red", Tags=[{"Key": "team", "Value": "red"}])
    iam.create_user(UserName="blue", Tags=[{"Key": "team", "Value": "blue"}])
    statement = {
        "Effect": "Allow",
        "Action": "iam:GetUser",
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:ResourceTag/team": "${aws:PrincipalTag/team}"}},
    }
    policy = {"Version": "2012-10-17", "Statement": statement}
    iam.put_user_policy(UserName="lead", PolicyName="p", PolicyDocument=json.dumps(policy))
    theirs = door.client("iam", iam.create_access_key(UserName="lead")["AccessKey"])

    assert theirs.get_user(UserName="red")
    assert "AccessDenied" == refusal(theirs.get_user, UserName="blue")[0]


def test_a_role_is_put_into_a_profile_by_who_may_pass_it(door: Door, iam: Any) -> None:
    iam.create_user(UserName="profiler")
    statement = {"Effect": "Allow", "Action": "iam:AddRole*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": statement}
    iam.put_user_policy(UserName="profiler", PolicyName="p", PolicyDocument=json.dumps(policy))
    theirs = door.client("iam", iam.create_access_key(UserName="profiler")["AccessKey"])
    iam.create_instance_profile(InstanceProfileName="Passed")
    given = {"InstanceProfileName": "Passed", "RoleName": "OstlerManagedInstance"}

    code, words = refusal(theirs.add_role_to_instance_profile, **given)

    assert "AccessDenied" == code
    assert f"iam:PassRole on resource: arn:aws:iam::{door.account}:role/Ostler" in words


def test_an_account_is_summed_up(door: Door, iam: Any) -> None:
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_group(GroupName="counted")
    iam.create_policy(PolicyName="Counted", PolicyDocument=json.dumps(ALLOW))

    after = iam.get_account_summary()["SummaryMap"]

    assert {"Groups": 1, "Policies": 1} == {
        name: after[name] - before[name] for name in after if after[name] != before[name]
    }
    assert len(iam.list_users()["Users"]) == after["Users"]


def test_it_does_not_matter_for_which_region_one_signs(door: Door) -> None:
    there = door.client("iam", region_name="eu-central-1").get_user()["User"]

    assert there == door.client("iam").get_user()["User"]
