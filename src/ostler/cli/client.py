"""The way to the API: botocore, pointed at any endpoint, ours or AWS's."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import NoCredentialsError


class WrongEndpoint(Exception):
    """What should name the server is no URL."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the API is and who asks; what is not given comes from the environment."""

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None

    def client(self, service: str = "ssm") -> Any:
        """A client of one service."""
        endpoint = self.endpoint_url or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint and not endpoint.startswith(("https://", "http://")):
            raise WrongEndpoint(f"The endpoint {endpoint} is no URL: write https://{endpoint}.")
        session = self._session()
        # Our own extensions of the API, in botocore's own format for such.
        extensions = resources.files("ostler.wire") / "models" / "extensions"
        session.get_component("data_loader").search_paths.append(str(extensions))
        return session.create_client(
            service,
            region_name=self._region(session),
            endpoint_url=self.endpoint_url,
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
        )

    def authority(self) -> Path | None:
        """The file of the certificate authority that was named, if one was."""
        named = self._session().get_config_variable("ca_bundle")
        return Path(named) if named else None

    def credentials(self) -> Any:
        """Whoever asks, for requests that botocore has no operation for."""
        found = self._session().get_credentials()
        if found is None:
            raise NoCredentialsError
        return found.get_frozen_credentials()

    def _session(self) -> Any:
        return botocore.session.Session(profile=self.profile)

    def _region(self, session: Any) -> str:
        # botocore alone among the AWS tools reads only the older AWS_DEFAULT_REGION.
        told = self.region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
        return told or "us-east-1"


def every(
    client: Any, operation: str, member: str, *, marker: str = "NextToken", **given: Any
) -> Iterator[dict[str, Any]]:
    """All items of a paged operation, page after page, until no token is left.

    `marker` is what the service calls the token.
    """
    ask = getattr(client, operation)
    while True:
        page = ask(**given)
        yield from page.get(member, ())
        token = page.get(marker)
        if not token:
            return
        given[marker] = token
