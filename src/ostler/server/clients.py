"""The files that make clients work with this server: `client.env` and the stock agent's JSON."""

import json
import os
import shlex
from pathlib import Path
from typing import Protocol

from ostler.server.certificates import Certificates
from ostler.server.settings import Settings


class KeyPair(Protocol):
    """An access key and its secret."""

    @property
    def access_key(self) -> str: ...

    @property
    def secret_key(self) -> str: ...


def write_client_files(
    settings: Settings, administrator: KeyPair, certificates: Certificates, port: int
) -> None:
    """Write DIR/client.env and DIR/amazon-ssm-agent.json, readable by the owner alone."""
    data = settings.data.absolute()
    exports = {
        "AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": administrator.access_key,
        "AWS_SECRET_ACCESS_KEY": administrator.secret_key,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_REGION": settings.region,
        "AWS_CA_BUNDLE": str(certificates.ca_file.absolute()),
        # Go reads this one in place of the system's roots, Node in addition to its own.
        "SSL_CERT_FILE": str(certificates.bundle_file.absolute()),
        "NODE_EXTRA_CA_CERTS": str(certificates.ca_file.absolute()),
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in exports.items()]
    # A profile or a session token of the caller's shell would win over the key above.
    lines.append("unset AWS_PROFILE AWS_SESSION_TOKEN\n")
    _write(data / "client.env", "".join(lines))
    agent = {
        "Agent": {"ServiceDomain": f"{settings.domain}:{port}", "Region": settings.region},
        "Identity": {"ConsumptionOrder": ["OnPrem"]},
    }
    _write(data / "amazon-ssm-agent.json", json.dumps(agent, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    """Replace the file at once, so that nobody reads half of it."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
