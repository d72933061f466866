"""Orders as they come over the wire."""

from typing import TYPE_CHECKING

from ostler.capabilities.commands.model import (
    DEFAULT_DELIVERY_TIMEOUT,
    DEFAULT_VERSION,
    Alarms,
    Logging,
    Notification,
    Order,
)
from ostler.foundation.ids import NodeId
from ostler.grammar.rollouts import DEFAULT_CONCURRENCY, DEFAULT_ERRORS
from ostler.grammar.targets import Target

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


def order_of(given: "ssm.SendCommandRequest") -> Order:
    """What SendCommand is asked for."""
    notification = given.get("NotificationConfig", {})
    logging = given.get("CloudWatchOutputConfig", {})
    alarms = given.get("AlarmConfiguration")
    return Order(
        document=given["DocumentName"],
        version=given.get("DocumentVersion", DEFAULT_VERSION),
        document_hash=given.get("DocumentHash", ""),
        hash_type=given.get("DocumentHashType", ""),
        nodes=tuple(NodeId(node) for node in given.get("InstanceIds", ())),
        targets=tuple(
            Target(target.get("Key", ""), tuple(target.get("Values", ())))
            for target in given.get("Targets", ())
        ),
        parameters={name: tuple(texts) for name, texts in given.get("Parameters", {}).items()},
        comment=given.get("Comment", ""),
        timeout=given.get("TimeoutSeconds", DEFAULT_DELIVERY_TIMEOUT),
        max_concurrency=given.get("MaxConcurrency", DEFAULT_CONCURRENCY),
        max_errors=given.get("MaxErrors", DEFAULT_ERRORS),
        bucket=given.get("OutputS3BucketName", ""),
        prefix=given.get("OutputS3KeyPrefix", ""),
        role=given.get("ServiceRoleArn", ""),
        notification=Notification(
            notification.get("NotificationArn", ""),
            tuple(notification.get("NotificationEvents", ())),
            notification.get("NotificationType", ""),
        ),
        logging=Logging(
            logging.get("CloudWatchLogGroupName", ""), logging.get("CloudWatchOutputEnabled", False)
        ),
        alarms=Alarms()
        if alarms is None
        else Alarms(
            tuple(alarm["Name"] for alarm in alarms["Alarms"]),
            alarms.get("IgnorePollAlarmFailure", False),
        ),
    )
