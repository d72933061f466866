"""Compliance: which nodes are as they should be, item by item, and who says so."""

from ostler.capabilities.compliance.capability import build
from ostler.capabilities.compliance.model import Execution, Item, Severity, Status, Upload
from ostler.capabilities.compliance.service import Compliance

__all__ = ["Compliance", "Execution", "Item", "Severity", "Status", "Upload", "build"]
