"""Every operation of every model is answered by exactly one capability, or said not to be."""

import importlib
import pkgutil
import tomllib
from pathlib import Path

import pytest

import ostler.capabilities
from ostler.foundation import errors as common
from ostler.foundation.errors import ApiError
from ostler.wire import models
from tools import docs

ROOT = Path(__file__).parents[2]
COVERAGE = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text())


ANSWERED = set(docs.answered())


@pytest.mark.parametrize("service", models.SERVICES)
def test_every_operation_is_answered_or_listed(service: str) -> None:
    notes = COVERAGE.get(service, {})
    listed = set(notes.get("not_yet", {}))
    names = set(models.model(service).operation_names)
    kept = {name for of, name in ANSWERED if of == service}

    if "neighbour" in notes:  # one line stands for all that its clients do not need
        listed = names - kept
    assert names == kept | listed
    assert set() == kept & listed


def api_errors() -> list[type[ApiError]]:
    for module in pkgutil.walk_packages(
        ostler.capabilities.__path__, f"{ostler.capabilities.__name__}."
    ):
        if module.name.endswith(".errors"):
            importlib.import_module(module.name)
    found: list[type[ApiError]] = []
    rest = [ApiError]
    while rest:
        for each in rest.pop().__subclasses__():
            found.append(each)
            rest.append(each)
    return sorted(found, key=lambda each: each.__name__)


@pytest.mark.parametrize("error", api_errors(), ids=lambda error: error.__name__)
def test_an_errors_name_is_a_shape_or_a_common_error(error: type[ApiError]) -> None:
    shapes = {name for service in models.SERVICES for name in models.model(service).shape_names}
    shapes |= {
        shape.error_code
        for service in models.SERVICES
        for shape in models.model(service).error_shapes
    }

    assert error.__name__ in shapes or error.__module__ == common.__name__
