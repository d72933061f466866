"""Run Command: orders to many nodes at once, and what became of each."""

from ostler.capabilities.commands.capability import RunCommand, build
from ostler.capabilities.commands.jobs import Courier, Desk
from ostler.capabilities.commands.service import Commands, Outputs

__all__ = ["Commands", "Courier", "Desk", "Outputs", "RunCommand", "build"]
