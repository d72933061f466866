"""Outcomes: how a step ended, how several make one, and how much of it a reply may say."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct, structs

from ostler.wire.agent.jobs import (
    OUTPUT_LIMIT,
    STANDARD_ERROR_LIMIT,
    STANDARD_OUTPUT_LIMIT,
    ReplyStatus,
)

SUCCEED_AND_EXIT = 168
FAIL_AND_EXIT = 169
REBOOT = 194
STOPPED = 137
"""Exit codes with a meaning: the first three are the script's to give, the last is ours."""

_CUT = "--output truncated--"
_ERROR_TITLE = "\n----------ERROR-------\n"
_OUTPUT_CUT = "\n---Output truncated---"
_ERROR_CUT = "\n---Error truncated----"


class Outcome(Struct, frozen=True):
    """How a step ended. The texts hold what a reply may carry and a little more, not all."""

    status: ReplyStatus
    code: int = 0
    stdout: str = ""
    stderr: str = ""
    summary: str | None = None
    """Said in place of both streams together, where there were none."""
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def reported_code(self) -> int:
        """The code as replies give it: what failed has one."""
        return 1 if self.status is ReplyStatus.FAILED and self.code == 0 else self.code

    def between(self, started: datetime, ended: datetime) -> "Outcome":
        """The same with its times."""
        return structs.replace(self, started=started, ended=ended)

    @property
    def said(self) -> str:
        """What there is to say of a step that did not run."""
        return self.stderr or self.summary or ""

    @property
    def combined(self) -> str:
        """Both streams in one text of limited length."""
        return together(self.stdout, self.stderr) if self.summary is None else self.summary


def failed(words: str, *, code: int = 1) -> Outcome:
    """A step that could not be done, and why."""
    return Outcome(ReplyStatus.FAILED, code, stderr=words)


def skipped(words: str) -> Outcome:
    """A step that was not to be done, and why."""
    return Outcome(ReplyStatus.SKIPPED, summary=words)


def document_status(outcomes: Iterable[ReplyStatus]) -> ReplyStatus:
    """How a document ended whose steps ended so."""
    states = list(outcomes)
    for status in (
        ReplyStatus.SUCCESS_AND_REBOOT,
        ReplyStatus.FAILED,
        ReplyStatus.TIMED_OUT,
        ReplyStatus.CANCELLED,
    ):
        if status in states:
            return status
    fine = (ReplyStatus.SUCCESS, ReplyStatus.SKIPPED)
    return (
        ReplyStatus.SUCCESS if all(state in fine for state in states) else ReplyStatus.IN_PROGRESS
    )


def standard_output(text: str, limit: int = STANDARD_OUTPUT_LIMIT) -> str:
    """As much of standard output as a reply carries."""
    return _cut(text, limit)


def standard_error(text: str, limit: int = STANDARD_ERROR_LIMIT) -> str:
    """As much of standard error as a reply carries."""
    return _cut(text, limit)


def together(stdout: str, stderr: str, limit: int = OUTPUT_LIMIT) -> str:
    """Both streams in one text: each gets half, or what the other does not need."""
    title = _ERROR_TITLE if stderr else ""
    space = limit - len(title)
    if len(stdout) + len(stderr) < space:
        return stdout + title + stderr
    if len(stdout) > space // 2 and len(stderr) > space // 2:
        half = (space - len(_OUTPUT_CUT) - len(_ERROR_CUT)) // 2
        return stdout[:half] + _OUTPUT_CUT + title + stderr[:half] + _ERROR_CUT
    if len(stdout) <= space // 2:
        rest = space - len(_ERROR_CUT) - len(stdout)
        return stdout + title + stderr[:rest] + _ERROR_CUT
    rest = space - len(_OUTPUT_CUT) - len(stderr)
    return stdout[:rest] + _OUTPUT_CUT + title + stderr


def counts(statuses: Mapping[str, ReplyStatus]) -> dict[str, int]:
    """How many steps are in which state."""
    states = [status.value for status in statuses.values()]
    return {state: states.count(state) for state in dict.fromkeys(states)}


def _cut(text: str, limit: int) -> str:
    # A text of exactly the limit is cut as well: so the stock agent counts.
    return text if len(text) < limit else text[: limit - len(_CUT)] + _CUT
