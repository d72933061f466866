"""The AWS API of notifications."""

from ostler.capabilities.notifications.operations.publishing import PublishingOperations
from ostler.capabilities.notifications.operations.subscriptions import SubscriptionOperations
from ostler.capabilities.notifications.operations.topics import TopicOperations

__all__ = ["PublishingOperations", "SubscriptionOperations", "TopicOperations"]
