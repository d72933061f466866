"""Sessions: what a session token carries, and what a node's session may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from ostler.foundation.ids import AccountId, NodeId, Region
from ostler.foundation.policy import Policy

RESERVED_TAGS = "ostler:"
NODE_TAG = f"{RESERVED_TAGS}node"
REGION_TAG = f"{RESERVED_TAGS}region"


class Session(msgspec.Struct, frozen=True, array_like=True):
    """Somebody who has assumed a role for a while; sealed, it is the session token.

    `role_id` tells a role from a later one of the same name. `policies` narrow, on top of what
    binds the role; a node's session is narrowed to what a node does in any case. A user's own
    session has no role, but a `parent`: the access key that asked for it.
    """

    access_key: str
    secret: str
    account: AccountId
    role: str
    role_id: str
    name: str
    issued: datetime
    expires: datetime
    policies: Sequence[str] | None = None
    node: NodeId | None = None
    region: Region | None = None
    tags: Mapping[str, str] | None = None
    parent: str = ""

    def __repr__(self) -> str:
        return f"Session({self.access_key}, {self.role}/{self.name})"


@dataclass(frozen=True, slots=True)
class TemporaryCredentials:
    """The keys of a session; `packed` is how much of the room its policies and tags take, in per
    cent."""

    access_key: str
    secret: str = field(repr=False)
    session_token: str = field(repr=False)
    expires: datetime
    arn: str = ""
    user_id: str = ""
    packed: int | None = None


def node_tags(node: NodeId, region: Region) -> Mapping[str, str]:
    """What a node's session is known by in the policy that narrows it."""
    return {NODE_TAG: node, REGION_TAG: region}


USER_SESSION_POLICY = Policy.parse(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "NoIdentities",
                "Effect": "Allow",
                "NotAction": ["iam:*", "sts:*"],
                "Resource": "*",
            },
            {
                "Sid": "OtherRoles",
                "Effect": "Allow",
                "Action": ["sts:AssumeRole", "sts:GetCallerIdentity"],
                "Resource": "*",
            },
        ],
    },
    name="WhatASessionTokenIsGoodFor",
)
"""AWS, "GetSessionToken": no IAM without MFA, and of STS these two only."""

_IN_ITS_REGION = {"StringEquals": {"aws:RequestedRegion": f"${{aws:PrincipalTag/{REGION_TAG}}}"}}
NODE_POLICY = Policy.parse(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OfItself",
                "Effect": "Allow",
                "Action": [
                    "ssm:DescribeAssociation",
                    "ssm:DescribeEffectivePatchesForPatchBaseline",
                    "ssm:GetDeployablePatchSnapshotForInstance",
                    "ssm:ListAssociations",
                    "ssm:ListInstanceAssociations",
                    "ssm:PutComplianceItems",
                    "ssm:PutConfigurePackageResult",
                    "ssm:PutInventory",
                    "ssm:RequestManagedInstanceRoleToken",
                    "ssm:UpdateAssociationStatus",
                    "ssm:UpdateInstanceAssociationStatus",
                    "ssm:UpdateInstanceInformation",
                    "ssm:UpdateManagedInstancePublicKey",
                    "ssmmessages:*",
                    "ec2messages:*",
                ],
                "Resource": "arn:aws:ssm:${aws:RequestedRegion}:${aws:PrincipalAccount}"
                f":managed-instance/${{aws:PrincipalTag/{NODE_TAG}}}",
                "Condition": _IN_ITS_REGION,
            },
            {
                "Sid": "WhatItReads",
                "Effect": "Allow",
                "Action": [
                    "ssm:DescribeDocument",
                    "ssm:GetCalendarState",
                    "ssm:GetDocument",
                    "ssm:GetManifest",
                    "ssm:GetParameter",
                    "ssm:GetParameters",
                    "ssm:GetParametersByPath",
                    "ssm:GetPatchBaseline",
                ],
                "Resource": "*",
                "Condition": _IN_ITS_REGION,
            },
            {
                "Sid": "WhatItsWorkNeeds",
                "Effect": "Allow",
                "Action": [
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:Encrypt",
                    "kms:GenerateDataKey*",
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:Describe*",
                    "logs:PutLogEvents",
                    "s3:AbortMultipartUpload",
                    "s3:Get*",
                    "s3:List*",
                    "s3:PutObject*",
                    "cloudwatch:PutMetricData",
                    "secretsmanager:GetSecretValue",
                    "sts:GetCallerIdentity",
                ],
                "Resource": "*",
            },
        ],
    },
    name="OnlyWhatANodeDoes",
)
