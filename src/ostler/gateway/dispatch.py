"""Which method answers an operation: the public one whose name is the operation's in snake case."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from botocore import xform_name

from ostler.foundation.call import Call
from ostler.foundation.errors import NotYetImplemented
from ostler.wire import models

Method = Callable[[Call, Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]


class WrongOperations(Exception):
    """An operations object has a public method that is no operation, or one answered twice."""


class Dispatch:
    """Finds the method of an operation among the operations objects of all capabilities."""

    def __init__(self, operations: Iterable[Any]) -> None:
        self._methods: dict[tuple[str, str], Method] = {}
        for answering in operations:
            self._take(answering)

    def method(self, service: str, operation: str) -> Method:
        """What answers `operation`; NotYetImplemented while nothing does."""
        found = self._methods.get((service, operation))
        if found is None:
            raise NotYetImplemented(
                f"{operation} is part of the {service} API and not built yet; "
                "docs/coverage.md lists what is."
            )
        return found

    def answered(self) -> frozenset[tuple[str, str]]:
        """Every (service, operation) that has a method."""
        return frozenset(self._methods)

    def _take(self, answering: Any) -> None:
        service: str = answering.service
        names = {xform_name(name): name for name in models.model(service).operation_names}
        for attribute in dir(answering):
            method = getattr(answering, attribute)
            if attribute.startswith("_") or not callable(method):
                continue
            name = names.get(attribute)
            if name is None:
                raise WrongOperations(f"{type(answering)}.{attribute} is no operation of {service}")
            if (service, name) in self._methods:
                raise WrongOperations(f"{service} {name} is answered twice")
            self._methods[(service, name)] = method
