"""Documents: what a command document says, in schema 1.2, 2.0 and 2.2, JSON and YAML.

Server and agent read documents with this same package: `parse` makes a `Document` of a text,
`check_command` refuses what could never work, `bind` checks the values it is run with,
`inputs_of` places them in a step's inputs, `holds` and `is_left_out` say which steps run.
"""

from ostler.grammar.documents.checking import check_command, platform_types
from ostler.grammar.documents.faults import DocumentFault, ParameterFault, PreconditionFault
from ostler.grammar.documents.flow import (
    EXIT_AND_REBOOT,
    EXIT_WITH_FAILURE,
    EXIT_WITH_SUCCESS,
    Flow,
    flow_of,
    is_left_out,
)
from ostler.grammar.documents.interpolation import (
    StoredReference,
    environment_of,
    inputs_of,
    interpolate,
    references,
    stored_references,
    with_stored,
)
from ostler.grammar.documents.model import (
    ABSENT,
    COMMAND_SCHEMAS,
    Document,
    Kind,
    Parameter,
    Step,
    as_json,
    document_of,
    for_agents,
    schema_version,
    text_of,
)
from ostler.grammar.documents.packages import Manifest, check_package
from ostler.grammar.documents.parameters import Bound, bind, check_value, rebind
from ostler.grammar.documents.preconditions import PLATFORMS, Verdict, holds, judge
from ostler.grammar.documents.reading import DEEPEST, LARGEST, convert, read, write
from ostler.grammar.documents.sessions import SESSION_TYPES, check_session


def parse(content: str, format: str) -> Document:  # noqa: A002 - AWS's word
    """The command document in `content`, which is "JSON" or "YAML"; DocumentFault otherwise."""
    return document_of(read(content, format))


__all__ = [
    "ABSENT",
    "COMMAND_SCHEMAS",
    "DEEPEST",
    "EXIT_AND_REBOOT",
    "EXIT_WITH_FAILURE",
    "EXIT_WITH_SUCCESS",
    "LARGEST",
    "PLATFORMS",
    "SESSION_TYPES",
    "Bound",
    "Document",
    "DocumentFault",
    "Flow",
    "Kind",
    "Manifest",
    "Parameter",
    "ParameterFault",
    "PreconditionFault",
    "Step",
    "StoredReference",
    "Verdict",
    "as_json",
    "bind",
    "check_command",
    "check_package",
    "check_session",
    "check_value",
    "convert",
    "document_of",
    "environment_of",
    "flow_of",
    "for_agents",
    "holds",
    "inputs_of",
    "interpolate",
    "is_left_out",
    "judge",
    "parse",
    "platform_types",
    "read",
    "rebind",
    "references",
    "schema_version",
    "stored_references",
    "text_of",
    "with_stored",
    "write",
]
