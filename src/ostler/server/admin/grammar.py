"""The administrator's command line: nouns, their verbs, and the arguments of these."""

from argparse import SUPPRESS, ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ostler.capabilities.identity import Kind
from ostler.server.admin import deeds
from ostler.server.admin.deeds import Deed

Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of a noun: its arguments, and the deed whose answer is printed."""

    help: str
    deed: Deed
    arguments: Sequence[str] = ()
    options: Options = field(default_factory=dict)


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


def _verbs_of(kind: Kind) -> dict[str, Verb]:
    new = _NEW_ROLE if kind is Kind.ROLE else _NEW
    return {
        "create": Verb(f"a new {kind}", deeds.create, ["name"], new),
        "list": Verb(f"every {kind}", deeds.every),
        "show": Verb(f"a {kind} with what hangs on it", deeds.show, ["name"]),
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
        "list": Verb("every account", deeds.list_accounts),
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
        "list": Verb("the account's policies and the shipped ones", deeds.list_policies),
        "show": Verb("a policy with its document", deeds.show_policy, ["name"]),
        "change": Verb("give it another document", deeds.change_policy, ["name", "file"]),
        "delete": Verb("delete a policy", deeds.delete_policy, ["name"]),
    },
    "key": {
        "create": Verb("a new key of a user; its secret is shown once", deeds.create_key, ["name"]),
        "list": Verb("the keys of a user", deeds.list_keys, ["name"]),
        "disable": Verb("switch a key off, by its id", deeds.disable_key, ["name"]),
        "enable": Verb("switch a key on, by its id", deeds.enable_key, ["name"]),
        "delete": Verb("delete a key, by its id", deeds.delete_key, ["name"]),
    },
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
            of_verb.set_defaults(noun=noun, verb=verb)
            for argument in verb.arguments:
                plain = argument.removesuffix("?")
                of_verb.add_argument(plain, nargs=None if plain == argument else "?")
            for option, how in verb.options.items():
                of_verb.add_argument(option, **how)
    return parser


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
