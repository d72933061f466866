"""How answers are printed: as tables for people, or as JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ostler.server.admin.deeds import Row


def as_json(answer: Row | Sequence[Row]) -> str:
    return json.dumps(answer, indent=2, default=_plain) + "\n"


def as_table(answer: Row | Sequence[Row]) -> str:
    if isinstance(answer, Mapping):
        width = max(map(len, answer))
        return "".join(f"{name:<{width}}  {_cell(value)}\n" for name, value in answer.items())
    if not answer:
        return "(none)\n"
    lines = [list(answer[0]), *[[_cell(value) for value in row.values()] for row in answer]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


def _cell(value: Any) -> str:
    match value:
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case list():
            return ", ".join(value) or "-"
        case dict():
            return json.dumps(value)
    return str(value) or "-"


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
