"""What can be done with logs."""

from ostler.capabilities.logs.service.groups import FORGET, RETAIN, Groups
from ostler.capabilities.logs.service.neighbours import Scribe
from ostler.capabilities.logs.service.reading import Asked, Filter, Reading
from ostler.capabilities.logs.service.writing import Writing

__all__ = ["FORGET", "RETAIN", "Asked", "Filter", "Groups", "Reading", "Scribe", "Writing"]
