"""Tags: keys and values on resources of every kind."""

from ostler.capabilities.tags.capability import build
from ostler.capabilities.tags.model import check_tags, most, paired, request_context
from ostler.capabilities.tags.service import Tags, TagsByArn

__all__ = ["Tags", "TagsByArn", "build", "check_tags", "most", "paired", "request_context"]
