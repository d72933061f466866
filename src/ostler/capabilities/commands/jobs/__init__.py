"""What happens by itself: nodes are told, what they answer is kept, times run out."""

from ostler.capabilities.commands.jobs.dispatch import Courier, Dispatcher
from ostler.capabilities.commands.jobs.notices import Notices
from ostler.capabilities.commands.jobs.replies import Desk

__all__ = ["Courier", "Desk", "Dispatcher", "Notices"]
