"""The administrator's command line: nouns, their verbs, and the arguments of these."""

import re
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ostler.capabilities.identity import Kind
from ostler.foundation.clock import SystemClock
from ostler.server.admin import deeds
from ostler.server.admin.deeds import Deed

Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of a noun: its arguments, and the deed whose answer is printed.

    What changes anything is kept in the audit log.
    """

    help: str
    deed: Deed
    arguments: Sequence[str] = ()
    options: Options = field(default_factory=dict)
    changes: bool = True


_AGO = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_MOST = 100_000


def _moment(text: str) -> datetime:
    """An instant, in UTC unless it says otherwise, or how long ago it was."""
    if ago := _AGO.fullmatch(text):
        return SystemClock().now() - int(ago[1]) * _UNITS[ago[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is neither 2026-01-31T12:00 nor 30m, 12h or 7d") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _number(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= _MOST):
        raise ArgumentTypeError(f"{text} is not a number from 1 to {_MOST}")
    return int(text)


_PATH: Options = {"--path": {"default": "/", "help": "a path before the name, as in /team/"}}
_NEW: Options = {**_PATH, "--description": {"default": "", "help": "what it is for"}}
_NEW_ACCOUNT: Options = {"--id": {"help": "12 digits; made up otherwise"}}
_WHOLE: Options = {
    "--whole": {"action": "store_true", "help": "also while policies, keys or members hang on it"}
}
_NEW_ROLE: Options = {
    **_NEW,
    "--trust": {"help": "a file with the trust policy"},
    "--service": {"default": "ssm.amazonaws.com", "help": "who may take it, without --trust"},
    "--hours": {"type": int, "default": 1, "help": "the longest session, 1 to 12 hours"},
}

_AUDIT: Options = {
    "--action": {"default": "", "help": "only this, as in SendCommand"},
    "--caller": {"default": "", "help": "only by this ARN, or the name at its end"},
    "--since": {"type": _moment, "metavar": "WHEN", "help": "2026-01-31T12:00, or 30m, 12h, 7d"},
    "--limit": {"type": _number, "default": 100, "help": "the newest so many (default: 100)"},
}


def _verbs_of(kind: Kind) -> dict[str, Verb]:
    new = _NEW_ROLE if kind is Kind.ROLE else _NEW
    return {
        "create": Verb(f"a new {kind}", deeds.create, ["name"], new),
        "list": Verb(f"every {kind}", deeds.every, changes=False),
        "show": Verb(f"a {kind} with what hangs on it", deeds.show, ["name"], changes=False),
        "delete": Verb(f"delete a {kind}", deeds.delete, ["name"], _WHOLE),
        "attach": Verb("attach a managed policy", deeds.attach, ["name", "policy"]),
        "detach": Verb("detach a managed policy", deeds.detach, ["name", "policy"]),
        "put-policy": Verb("give it a policy", deeds.put_inline, ["name", "policy", "file"]),
        "drop-policy": Verb("take that policy", deeds.drop_inline, ["name", "policy"]),
    }


_BOUND = "bound what its policies can grant; without a policy, not any more"
_NOUNS: Mapping[str, Mapping[str, Verb]] = {
    "account": {
        "create": Verb("a new account", deeds.create_account, ["name"], _NEW_ACCOUNT),
        "list": Verb("every account", deeds.list_accounts, changes=False),
        "delete": Verb("delete an account by its id", deeds.delete_account, ["name"]),
    },
    "user": {
        **_verbs_of(Kind.USER),
        "join": Verb("put a user into a group", deeds.join, ["name", "group"]),
        "leave": Verb("take a user out of a group", deeds.leave, ["name", "group"]),
        "bound": Verb(_BOUND, deeds.bound, ["name", "policy?"]),
    },
    "group": _verbs_of(Kind.GROUP),
    "role": {
        **_verbs_of(Kind.ROLE),
        "trust": Verb("change the trust policy", deeds.trust, ["name", "file"]),
        "bound": Verb(_BOUND, deeds.bound, ["name", "policy?"]),
    },
    "policy": {
        "create": Verb("a new managed policy", deeds.create_policy, ["name", "file"], _NEW),
        "list": Verb(
            "the account's policies and the shipped ones", deeds.list_policies, changes=False
        ),
        "show": Verb("a policy with its document", deeds.show_policy, ["name"], changes=False),
        "change": Verb("give it another document", deeds.change_policy, ["name", "file"]),
        "delete": Verb("delete a policy", deeds.delete_policy, ["name"]),
    },
    "key": {
        "create": Verb("a new key of a user; its secret is shown once", deeds.create_key, ["name"]),
        "list": Verb("the keys of a user", deeds.list_keys, ["name"], changes=False),
        "disable": Verb("switch a key off, by its id", deeds.disable_key, ["name"]),
        "enable": Verb("switch a key on, by its id", deeds.enable_key, ["name"]),
        "delete": Verb("delete a key, by its id", deeds.delete_key, ["name"]),
    },
}

_ALONE: Mapping[str, Verb] = {
    "audit": Verb("who did what, and what came of it", deeds.audit, options=_AUDIT, changes=False),
}


def parser() -> ArgumentParser:
    """What reads the command line; the verb found is under `verb`."""
    parser = ArgumentParser(
        prog="ostler-server admin",
        description="Manage accounts and identities of a server, running or not. A running one "
        "heeds changes within two seconds.",
    )
    _add_common(parser, missing=None)
    # Given behind the verb, these options count as well.
    common = ArgumentParser(add_help=False)
    _add_common(common, missing=SUPPRESS)
    nouns = parser.add_subparsers(required=True, metavar="NOUN")
    for noun, verbs in _NOUNS.items():
        of_noun = nouns.add_parser(noun, help=", ".join(verbs)).add_subparsers(
            required=True, metavar="VERB"
        )
        for name, verb in verbs.items():
            of_verb = of_noun.add_parser(name, help=verb.help, parents=[common])
            of_verb.set_defaults(noun=noun, verb=verb, words=f"{noun} {name}")
            _add_own(of_verb, verb)
    for noun, verb in _ALONE.items():
        alone = nouns.add_parser(noun, help=verb.help, parents=[common])
        alone.set_defaults(noun=noun, verb=verb, words=noun)
        _add_own(alone, verb)
    return parser


def own_arguments(given: Namespace) -> Mapping[str, Any]:
    """What was given to the verb itself, by name."""
    verb: Verb = given.verb
    names = [argument.removesuffix("?") for argument in verb.arguments]
    names += [option.removeprefix("--") for option in verb.options]
    return {name: value for name in names if (value := getattr(given, name)) is not None}


def _add_own(parser: ArgumentParser, verb: Verb) -> None:
    for argument in verb.arguments:
        plain = argument.removesuffix("?")
        parser.add_argument(plain, nargs=None if plain == argument else "?")
    for option, how in verb.options.items():
        parser.add_argument(option, **how)


def _add_common(parser: ArgumentParser, *, missing: str | None) -> None:
    add = parser.add_argument
    add("--data", type=Path, default=missing, help="the server's folder (default: var)")
    add("--config", type=Path, default=missing, help="the server's TOML file of settings")
    add("--database", default=missing, help="the server's database URL, if it is not in the folder")
    add("--account", default=missing, help="the account's id or name (default: the first one)")
    add(
        "--json",
        action="store_true",
        default=False if missing is None else missing,
        help="print JSON in place of a table",
    )
