"""Labels: names that people give to versions, and that wander from one version to another."""

import re
from collections.abc import Sequence

MOST_LABELS = 10

_LABEL = re.compile(r"(?!aws|ssm)[a-z_.-][a-z0-9_.-]*", re.IGNORECASE)


def sorted_out(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those that may be labels, each once, and those that may not."""
    each = list(dict.fromkeys(labels))
    good = [label for label in each if _LABEL.fullmatch(label)]
    return good, [label for label in each if label not in good]
