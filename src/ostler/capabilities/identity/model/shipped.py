"""The managed policies that every account has, under the names that AWS gives them."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ostler.capabilities.identity.model.entities import ManagedPolicy

Statement = Mapping[str, Any]

_READ = ("Describe*", "Get*", "List*")
_SSM_SERVICES = (
    "ssm",
    "ssm-contacts",
    "ssm-guiconnect",
    "ssm-incidents",
    "ssm-quicksetup",
    "appconfig",
)

_NODE_CHANNELS = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
]
_NODE_REPORTS = [
    "ssm:DescribeAssociation",
    "ssm:DescribeDocument",
    "ssm:GetDeployablePatchSnapshotForInstance",
    "ssm:GetDocument",
    "ssm:GetManifest",
    "ssm:ListAssociations",
    "ssm:ListInstanceAssociations",
    "ssm:PutComplianceItems",
    "ssm:PutConfigurePackageResult",
    "ssm:PutInventory",
    "ssm:UpdateAssociationStatus",
    "ssm:UpdateInstanceAssociationStatus",
    "ssm:UpdateInstanceInformation",
]


def _allow(sid: str, *actions: str, resource: Any = "*", **condition: Any) -> Statement:
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def _every(services: Sequence[str], verbs: Sequence[str]) -> list[str]:
    return [f"{service}:{verb}" for service in services for verb in verbs]


_PASS_TO_SSM = _allow(
    "PassRolesToSystemsManager",
    "iam:PassRole",
    StringEquals={"iam:PassedToService": "ssm.amazonaws.com"},
)

_STATEMENTS: Mapping[str, Sequence[Statement]] = {
    "/AdministratorAccess": [_allow("Everything", "*")],
    "/PowerUserAccess": [
        {
            "Sid": "EverythingButIdentity",
            "Effect": "Allow",
            "NotAction": ["iam:*", "organizations:*", "account:*"],
            "Resource": "*",
        },
        _allow("LookAtIdentity", "iam:GetRole", "iam:ListRoles", "iam:GetUser"),
    ],
    "/ReadOnlyAccess": [
        _allow("Read", *_every(_SSM_SERVICES, _READ)),
        _allow(
            "ReadNeighbours", *_every(("ec2", "events", "iam", "kms", "logs", "s3", "sns"), _READ)
        ),
        _allow("WhoAmI", "sts:GetCallerIdentity"),
    ],
    "/IAMFullAccess": [_allow("Identity", "iam:*", "sts:GetCallerIdentity")],
    "/IAMReadOnlyAccess": [_allow("ReadIdentity", *_every(("iam",), _READ))],
    "/AmazonSSMFullAccess": [
        _allow("SystemsManager", "ssm:*", "ssmmessages:*", "ec2messages:*"),
        _allow("SeeMachines", "ec2:Describe*", "logs:*", "cloudwatch:PutMetricData"),
        _PASS_TO_SSM,
    ],
    "/AmazonSSMReadOnlyAccess": [_allow("ReadSystemsManager", *_every(("ssm",), _READ))],
    "/AmazonSSMManagedInstanceCore": [
        _allow("ReportAndFetch", *_NODE_REPORTS),
        _allow("ReadParameters", "ssm:GetParameter", "ssm:GetParameters"),
        _allow("TalkToTheServer", *_NODE_CHANNELS),
    ],
    "/AmazonSSMManagedEC2InstanceDefaultPolicy": [
        _allow("ReportAndFetch", *_NODE_REPORTS),
        _allow("TalkToTheServer", *_NODE_CHANNELS),
    ],
    "/AmazonSSMPatchAssociation": [
        _allow(
            "ReadBaselines",
            "ssm:DescribeEffectivePatchesForPatchBaseline",
            "ssm:GetPatchBaseline",
            "ssm:GetDeployablePatchSnapshotForInstance",
        ),
    ],
    "/AmazonSSMAutomationApproverAccess": [
        _allow(
            "Approve",
            "ssm:DescribeAutomationExecutions",
            "ssm:GetAutomationExecution",
            "ssm:SendAutomationSignal",
        ),
    ],
    "/service-role/AmazonSSMAutomationRole": [
        _allow("RunBooks", "ssm:*", "ec2:*", "sns:Publish", "s3:*", "lambda:InvokeFunction"),
        _PASS_TO_SSM,
    ],
    "/service-role/AmazonSSMMaintenanceWindowRole": [
        _allow(
            "RunTasks",
            "ssm:CancelCommand",
            "ssm:GetAutomationExecution",
            "ssm:GetCommandInvocation",
            "ssm:GetParameters",
            "ssm:ListCommandInvocations",
            "ssm:ListCommands",
            "ssm:SendCommand",
            "ssm:StartAutomationExecution",
        ),
        _allow("FindTargets", "ec2:Describe*", "resource-groups:List*", "tag:GetResources"),
        _allow("StartFunctions", "lambda:InvokeFunction", "states:StartExecution"),
        _PASS_TO_SSM,
    ],
    "/AmazonS3FullAccess": [_allow("Buckets", "s3:*")],
    "/AmazonS3ReadOnlyAccess": [_allow("ReadBuckets", *_every(("s3",), _READ))],
    "/AmazonSNSFullAccess": [_allow("Topics", "sns:*")],
    "/CloudWatchLogsFullAccess": [_allow("Logs", "logs:*")],
    "/CloudWatchLogsReadOnlyAccess": [
        _allow("ReadLogs", *_every(("logs",), (*_READ, "FilterLogEvents", "StartLiveTail"))),
    ],
    "/AmazonSNSReadOnlyAccess": [_allow("ReadTopics", *_every(("sns",), ("Get*", "List*")))],
    "/AmazonEventBridgeFullAccess": [
        _allow("Events", "events:*"),
        _allow(
            "PassRolesToEvents",
            "iam:PassRole",
            StringEquals={"iam:PassedToService": "events.amazonaws.com"},
        ),
    ],
    "/AmazonEventBridgeReadOnlyAccess": [
        _allow("ReadEvents", *_every(("events",), (*_READ, "TestEventPattern"))),
    ],
    "/AWSKeyManagementServicePowerUser": [
        _allow(
            "UseKeys",
            *("kms:CreateAlias", "kms:CreateKey", "kms:DeleteAlias", "kms:GenerateRandom"),
            *("kms:TagResource", "kms:UntagResource"),
            *_every(("kms",), _READ),
        ),
    ],
    "/CloudWatchAgentServerPolicy": [
        _allow("Measure", "cloudwatch:PutMetricData", "ec2:DescribeTags"),
        _allow(
            "WriteLogs",
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogGroups",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ),
        _allow(
            "ReadItsConfiguration",
            "ssm:GetParameter",
            resource="arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*",
        ),
    ],
}


_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def _shipped() -> Mapping[str, ManagedPolicy]:
    policies = [
        ManagedPolicy(
            account=None,
            name=full_name.rpartition("/")[2],
            path=full_name.rpartition("/")[0] + "/",
            id=_id_of(full_name),
            created=_SINCE,
            document=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
        )
        for full_name, statements in _STATEMENTS.items()
    ]
    return {policy.arn: policy for policy in policies}


def _id_of(full_name: str) -> str:
    """The same on every server."""
    digest = hashlib.sha256(full_name.encode()).digest()
    return "ANPA" + base64.b32encode(digest).decode()[:17]


SHIPPED: Mapping[str, ManagedPolicy] = _shipped()
"""By ARN."""

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
MANAGED_INSTANCE_CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
