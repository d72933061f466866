"""The log: one line an event, to standard error, and nothing that works depends on it."""

import logging
import sys
from typing import Protocol

import structlog


class Stream(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


class Patient:
    """A stream that fails nobody: what cannot be written (a full disk, a closed pipe) is counted.

    A request whose log line is lost has been served all the same. How many lines are missing is
    said once lines can be written again.
    """

    def __init__(self, stream: Stream | None) -> None:
        self._stream = stream
        self._lost = 0

    def write(self, text: str) -> int:
        """Write `text`, or count it."""
        if self._stream is None:  # so Python has it whose standard error was closed at its start
            return len(text)
        missing = self._lost
        try:
            if missing:
                self._stream.write(f"{missing} lines of the log could not be written\n")
            self._stream.write(text)
            self._stream.flush()
            self._lost -= missing
        except (OSError, ValueError):
            self._lost += 1
        return len(text)

    def flush(self) -> None:
        """Every line is flushed as it is written."""


def configure_logging(level: str) -> None:
    """Have the log go to standard error: for people on a terminal, JSON elsewhere."""
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(Patient(sys.stderr)),  # type: ignore[arg-type]
    )
    # It warns of every request that is none, which strangers can send as often as they like.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
