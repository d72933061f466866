"""The plugins that a command document may name: where they run, and what they need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ostler.grammar.documents.model import Kind

_ALL = ("Windows", "Linux", "MacOS")
_WINDOWS = ("Windows",)
_UNIX = ("Linux", "MacOS")

_TEXT = (Kind.STRING,)
_NUMBER = (Kind.STRING, Kind.INTEGER)
_SCRIPT = (Kind.STRING, Kind.STRING_LIST)
_MAP = (Kind.STRING_MAP, Kind.STRING)


@dataclass(frozen=True, slots=True)
class Plugin:
    """What is known of a plugin.

    `required` inputs must be there. `kinds` are the types that a parameter may have which stands
    for an input as a whole; an input not listed takes any.
    """

    platforms: Sequence[str]
    required: Sequence[str] = ()
    kinds: Mapping[str, Sequence[Kind]] = field(default_factory=dict)


_SHELL = {"runCommand": _SCRIPT, "workingDirectory": _TEXT, "timeoutSeconds": _NUMBER}

PLUGINS: Mapping[str, Plugin] = {
    "aws:runShellScript": Plugin(_UNIX, ("runCommand",), _SHELL),
    "aws:runPowerShellScript": Plugin(_ALL, ("runCommand",), _SHELL),
    "aws:runDocument": Plugin(
        _ALL,
        ("documentType", "documentPath"),
        {"documentType": _TEXT, "documentPath": _TEXT, "documentParameters": _MAP},
    ),
    "aws:downloadContent": Plugin(
        _ALL,
        ("sourceType", "sourceInfo"),
        {"sourceType": _TEXT, "sourceInfo": _MAP, "destinationPath": _TEXT},
    ),
    "aws:configurePackage": Plugin(
        _ALL,
        ("name", "action"),
        {"name": _TEXT, "action": _TEXT, "version": _TEXT, "additionalArguments": _MAP},
    ),
    "aws:updateSsmAgent": Plugin(_ALL, ("agentName",), {"agentName": _TEXT}),
    "aws:refreshAssociation": Plugin(_ALL),
    "aws:softwareInventory": Plugin(_ALL),
    "aws:configureDocker": Plugin(_ALL, ("action",)),
    "aws:runDockerAction": Plugin(_ALL, ("action",)),
    "aws:cloudWatch": Plugin(_WINDOWS),
    "aws:domainJoin": Plugin(("Windows", "Linux")),
    "aws:applications": Plugin(_WINDOWS, ("action", "source")),
    "aws:psModule": Plugin(_WINDOWS),
    "aws:updateAgent": Plugin(_WINDOWS),
    "aws:configureDaemon": Plugin(_WINDOWS),
}
