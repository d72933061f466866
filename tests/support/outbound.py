"""A world outside for tests: receivers that answer as they are told, and remember what came."""

from collections.abc import Sequence
from dataclasses import dataclass

from ostler.foundation.outbound import Answer, Unreachable


@dataclass(frozen=True)
class Called:
    """A call that came."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class World:
    """Outbound, as far as this process: whoever is called takes what comes, unless told else."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Unreachable] = {}
        self.came: list[Called] = []

    async def send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        self.came.append(Called(method, url, dict(headers), body))
        answer = self.answers.get(url.partition("?")[0], Answer(200))
        if isinstance(answer, Unreachable):
            raise answer
        return answer
