"""Tags: the keys and values a resource carries, and what they may be."""

from collections.abc import Iterable, Mapping

from ostler.foundation.errors import ValidationException

RESERVED = "aws:"
"""Keys that begin so, in any case, are the house's own."""

LONGEST_KEY = 128
LONGEST_VALUE = 256

_MOST = 50
_MOST_OF = {"Automation": 5}


def most(kind: str) -> int:
    """How many tags a resource of `kind` may carry."""
    return _MOST_OF.get(kind, _MOST)


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that no resource may carry, however few it has."""
    for key, value in tags.items():
        if key.lower().startswith(RESERVED):
            raise ValidationException(
                f"The tag key {key} begins with {RESERVED}, which is reserved."
            )
        if not 1 <= len(key) <= LONGEST_KEY:
            raise ValidationException(f"A tag key has 1 to {LONGEST_KEY} characters.")
        if len(value) > LONGEST_VALUE:
            raise ValidationException(
                f"The value of the tag {key} is longer than {LONGEST_VALUE} characters."
            )


def paired(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Tags out of a list; a key told twice has no answer, so it is refused."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise ValidationException(f"The tag key {key} is given more than once.")
        tags[key] = value
    return tags


def request_context(tags: Mapping[str, str]) -> dict[str, list[str]]:
    """The condition keys by which a policy judges tags that come with a request."""
    return {
        "aws:TagKeys": sorted(tags),
        **{f"aws:RequestTag/{key}": [value] for key, value in tags.items()},
    }


def resource_id(given: str) -> str:
    """One spelling for each resource: names of parameters and metadata may begin with a slash."""
    return given.removeprefix("/")
