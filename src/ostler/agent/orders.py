"""Orders: a job's content, understood: which document to run, with which values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostler.grammar.documents import (
    Document,
    DocumentFault,
    ParameterFault,
    document_of,
    rebind,
)
from ostler.wire.agent.jobs import (
    BrokenMessage,
    Job,
    SendCommandContent,
    command_of,
    decode,
)


class BrokenOrder(Exception):
    """The job cannot be done as it was sent; the text says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a node is to run."""

    command: str
    document_name: str
    document: Document
    values: Mapping[str, Any]
    bucket: str
    prefix: str

    def plugin_prefix(self, node: str, action: str) -> str:
        """The key under which the server keeps what a plugin wrote."""
        parts = [self.prefix, self.command, node, action.replace(":", "")]
        return "/".join(part.strip("/") for part in parts if part)


def order_of(job: Job) -> Order:
    """The order in a job; BrokenOrder when there is none that can be followed."""
    try:
        content = decode(job.content, SendCommandContent)
        command = command_of(job.job_id)
        document = document_of(content.document_content)
        bound = rebind(document, content.parameters or {})
    except (BrokenMessage, DocumentFault, ParameterFault) as fault:
        raise BrokenOrder(str(fault)) from fault
    if stored := [reference.name for reference in bound.stored if not reference.secure]:
        raise BrokenOrder(
            f"The server has left references to Parameter Store open: {', '.join(stored)}."
        )
    return Order(
        command,
        content.document_name,
        document,
        bound.values,
        content.output_s3_bucket_name,
        content.output_s3_key_prefix,
    )
