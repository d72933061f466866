"""The models' patterns, which are Java's, decided by Python."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from ostler.wire import models, patterns

CASES = tomllib.loads((Path(__file__).parents[1] / "cases/wire/patterns.toml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES["case"], ids=lambda case: case["pattern"])
def test_what_a_pattern_matches(case):
    if case.get("error"):
        with pytest.raises(ValueError):
            patterns.whole_match(case["pattern"])
        return
    matches = patterns.whole_match(case["pattern"])
    texts = [*case["matches"], *case["differs"]]

    assert case["matches"] == [text for text in texts if matches(text)]


def every_pattern():
    found: dict[str, int] = {}
    for service in models.SERVICES:
        api = models.model(service)
        for name in api.shape_names:
            shape = api.shape_for(name)
            if pattern := shape.metadata.get("pattern"):
                found[pattern] = max(found.get(pattern, 0), shape.metadata.get("max", 4096))
    return found


def test_every_pattern_of_the_models_is_translated():
    for pattern in every_pattern():
        patterns.whole_match(pattern)
        re.compile(patterns.python_pattern(pattern, last=sys.maxunicode), re.ASCII)


HEADS = ["", "arn:aws:ssm-contacts:x:1:", "arn:aws:iam::123456789012:role/", "s3://a/", "tag:"]
FILLS = ["a", "a.", "-", "1.", " ", "a-"]


def test_no_pattern_of_the_models_takes_forever():
    """An exponential one would not come back from these."""
    for pattern, longest in every_pattern().items():
        matches = patterns.whole_match(pattern)
        for head in HEADS:
            for fill in FILLS:
                text = f"{head}{fill * min(longest, 1000)}"[: min(longest, 1000)]
                assert matches(f"{text}\x00") in (True, False)
