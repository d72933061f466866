"""AWS profiles: a section of our own in the files that every AWS tool reads."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Profiles:
    """The user's configuration and credentials; what stands there besides is left as it is."""

    def __init__(self) -> None:
        home = Path.home() / ".aws"
        self._config = Path(os.environ.get("AWS_CONFIG_FILE") or home / "config")
        named = os.environ.get("AWS_SHARED_CREDENTIALS_FILE")
        self._credentials = Path(named or home / "credentials")

    def save(
        self,
        profile: str,
        keys: Mapping[str, Any],
        *,
        endpoint: str,
        region: str,
        authority: Path | None,
    ) -> None:
        """Write the profile anew: where the server is, and keys for a while."""
        where = {"region": region, "endpoint_url": endpoint}
        if authority is not None:
            where["ca_bundle"] = str(authority)
        _replace(self._config, f"profile {profile}", where)
        _replace(
            self._credentials,
            profile,
            {
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
                "aws_session_token": keys["SessionToken"],
            },
        )


def _replace(file: Path, section: str, values: Mapping[str, str]) -> None:
    """Put one section into a file in place of the one of that name, readable by its owner alone."""
    file = file.resolve()  # it may be a link into somebody's collection of such files
    file.parent.mkdir(parents=True, exist_ok=True)
    kept: list[str] = []
    ours = False
    for line in file.read_text().splitlines() if file.exists() else []:
        if line.strip().startswith("["):
            ours = line.strip() == f"[{section}]"
        if not ours:
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    written = [f"[{section}]", *(f"{name} = {value}" for name, value in values.items())]
    text = "\n".join([*kept, *([""] if kept else []), *written]) + "\n"
    draft = file.with_name(f"{file.name}.ostler")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
    draft.replace(file)
