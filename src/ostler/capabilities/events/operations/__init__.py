"""The AWS API of events."""

from ostler.capabilities.events.operations.buses import BusOperations
from ostler.capabilities.events.operations.putting import PuttingOperations
from ostler.capabilities.events.operations.rules import RuleOperations
from ostler.capabilities.events.operations.webhooks import WebhookOperations

__all__ = ["BusOperations", "PuttingOperations", "RuleOperations", "WebhookOperations"]
