"""The way to the API: botocore, pointed at any endpoint, ours or AWS's."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import botocore.session
from botocore.config import Config


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the API is and who asks; what is not given comes from the environment."""

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None

    def client(self, service: str = "ssm") -> Any:
        """A client of one service."""
        session = botocore.session.Session(profile=self.profile)
        # Our own extensions of the API, in botocore's own format for such.
        extensions = resources.files("ostler.wire") / "models" / "extensions"
        session.get_component("data_loader").search_paths.append(str(extensions))
        return session.create_client(
            service,
            region_name=self.region or session.get_config_variable("region") or "us-east-1",
            endpoint_url=self.endpoint_url,
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
        )


def every(client: Any, operation: str, member: str, **given: Any) -> Iterator[dict[str, Any]]:
    """All items of a paged operation, page after page, until no token is left."""
    ask = getattr(client, operation)
    while True:
        page = ask(**given)
        yield from page.get(member, ())
        token = page.get("NextToken")
        if not token:
            return
        given["NextToken"] = token
