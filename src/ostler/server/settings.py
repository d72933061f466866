"""What those who run the server may set: read once at start, then passed along."""

import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ostler.foundation.outbound import DENIED, Networks

LARGEST_VALUE = 2_000_000
"""Characters of a parameter's value: a request has room for them, whatever they are."""


class WrongSetting(Exception):
    """A setting that does not exist, or a value that it cannot take."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the server; `OSTLER_<NAME>` in the environment or `name` in a TOML file."""

    data: Path = Path("var")
    """The folder of everything the server keeps: database, blobs, keys, certificates."""
    host: str = "0.0.0.0"  # noqa: S104 - nodes come from outside; TLS and signatures guard it
    """The address to listen on."""
    port: int = 8443
    """The port for HTTPS and secure websockets; 0 takes any free one."""
    http_port: int | None = None
    """A second port in plain HTTP, on loopback addresses only; off unless set."""
    region: str = "us-east-1"
    """The default region: of clients made by client.env and of calls that name none."""
    domain: str = "ostler.internal"
    """The domain under which `ssm.REGION.DOMAIN` and the like lead to this server."""
    names: tuple[str, ...] = ()
    """Further names and addresses of the server, for its certificate."""
    account: str = ""
    """The first account's id, 12 digits; made at first start otherwise."""
    access_key: str = ""
    """The administrator's access key id; made at first start otherwise."""
    secret_key: str = ""
    """The administrator's secret access key; made at first start otherwise."""
    oidc_issuer: str = ""
    """The OpenID Connect provider (`https://login.example.org`) by which people sign in."""
    oidc_client_id: str = ""
    """What the provider knows this server's sign-in by: a public client, with PKCE, whose redirect
    URI is `http://127.0.0.1` on any port."""
    oidc_scopes: str = "openid profile email"
    """What `ostler login` asks of the provider for."""
    oidc_claim: str = "groups"
    """The claim of the provider's tokens that decides about roles."""
    oidc_roles: tuple[str, ...] = ()
    """Which value of that claim gives which role of the first account: `operators=Deploy`;
    `*=Guest` is for everybody who can sign in."""
    master_key: str = ""
    """Where the master key comes from: a file in the data folder if empty; `env:NAME`, a variable
    with keys in base64, the current one first; `kms:KEY`, that file, sealed by a key of a KMS."""
    master_key_endpoint: str = ""
    """The URL of that KMS; AWS's if empty. Its credentials are those AWS's clients find."""
    database: str = ""
    """A database URL (`postgresql+psycopg://…`); a SQLite file in the data folder otherwise."""
    nudges: str = ""
    """`nats://host:4222`: by what several servers wake each other; PostgreSQL itself otherwise."""
    blobs: str = ""
    """Where output and attachments go: a folder or an `s3://bucket/prefix` URL."""
    s3_endpoint: str = ""
    """The URL of an S3 elsewhere (`https://s3.{region}.amazonaws.com`) that takes the output of
    commands in place of the buckets here, under the AWS credentials in the server's environment."""
    certificate: Path | None = None
    """A certificate chain of your own (PEM) in place of one from the server's CA."""
    certificate_key: Path | None = None
    """The private key of that certificate (PEM)."""
    trusted_hosts: tuple[str, ...] = ()
    """Hosts (`*.lan`) from which attachments are fetched though private or in plain HTTP."""
    outbound_denied: tuple[str, ...] = DENIED
    """Networks to which nothing is sent, whatever a webhook or a subscription names."""
    outbound_allowed: tuple[str, ...] = ()
    """Networks (`127.0.0.0/8`) to which it is sent though they are among `outbound_denied`."""
    control_channel: bool = True
    """Off: stock agents are sent to message polling instead of the websocket."""
    user_rate: float = 200
    """Requests a second, in the long run, that a user or a session of a role may make; 0: any."""
    user_burst: int = 400
    """Requests that a user or a session may make at once after a rest."""
    node_rate: float = 50
    """Requests a second, in the long run, that a node may make; 0: any."""
    node_burst: int = 200
    """Requests that a node may make at once after a rest."""
    address_rate: float = 100
    """Requests a second without a good signature that one address may make; 0: any."""
    address_burst: int = 1000
    """Such requests that one address may make at once after a rest."""
    parameter_size: int = 4096
    """Characters that the value of a standard parameter may have; AWS allows 4,096."""
    advanced_parameter_size: int = 8192
    """The same for advanced parameters; AWS allows 8,192."""
    history_days: int = 30
    """How long commands, their output in the server's own bucket, changes of inventory and events
    are kept."""
    inventory_days: int = 30
    """How long what a node told of a type is kept after the node told it last."""
    audit_days: int = 365
    """How long audit records are kept."""
    output_limit: int = 256
    """Megabytes that are kept of the output of one invocation; what is more is cut, and says so."""
    metrics_port: int | None = None
    """A port for Prometheus (`GET /metrics`, plain HTTP, loopback addresses only); off if unset."""
    log_level: str = "info"
    """debug, info, warning or error."""

    @property
    def database_url(self) -> str:
        """The URL of the database in use."""
        return self.database or f"sqlite:///{self.data / 'ostler.db'}"

    @property
    def role_pairs(self) -> Sequence[tuple[str, str]]:
        """The values of the claim that decides about roles, and the roles that they give."""
        return [(pair.rpartition("=")[0], pair.rpartition("=")[2]) for pair in self.oidc_roles]

    @property
    def folders(self) -> Sequence[Path]:
        """The folders that the server writes to."""
        blobs = [] if "://" in self.blobs_url else [Path(self.blobs_url)]
        return [folder for folder in (self.data, *blobs) if folder.exists()]

    @property
    def blobs_url(self) -> str:
        """The URL of the blob store in use."""
        return self.blobs or str(self.data / "blobs")


def read_settings(
    environment: Mapping[str, str] = os.environ,
    file: Path | None = None,
    **given: Any,
) -> Settings:
    """Settings from a TOML file, then the environment, then the command line; the last one wins."""
    values: dict[str, Any] = {}
    if file is not None:
        values |= tomllib.loads(file.read_text())
    known = {field.name for field in fields(Settings)}
    for name in known:
        if (text := environment.get(f"OSTLER_{name.upper()}")) is not None:
            values[name] = text
    values |= {name: value for name, value in given.items() if value is not None}
    if unknown := sorted(set(values) - known):
        raise WrongSetting(f"There is no setting {', '.join(unknown)}.")
    settings = replace(Settings(), **{name: _typed(name, value) for name, value in values.items()})
    if settings.nudges and not settings.nudges.startswith(("nats://", "tls://")):
        raise WrongSetting("nudges is a URL of NATS: nats://host:4222, or tls://host:4222.")
    if settings.master_key and not settings.master_key.startswith(("env:", "kms:")):
        raise WrongSetting("master_key is empty, env:NAME or kms:KEY.")
    if bool(settings.access_key) != bool(settings.secret_key):
        raise WrongSetting("access_key and secret_key go together: set both or neither.")
    if settings.account and not (settings.account.isdigit() and len(settings.account) == 12):
        raise WrongSetting("account is a number of 12 digits.")
    if settings.parameter_size > settings.advanced_parameter_size:
        raise WrongSetting("advanced_parameter_size is not smaller than parameter_size.")
    if bool(settings.certificate) != bool(settings.certificate_key):
        raise WrongSetting("certificate and certificate_key go together: set both or neither.")
    if bool(settings.oidc_issuer) != bool(settings.oidc_client_id):
        raise WrongSetting("oidc_issuer and oidc_client_id go together: set both or neither.")
    if settings.oidc_issuer and not settings.oidc_issuer.startswith(("https://", "http://")):
        raise WrongSetting("oidc_issuer is a URL, as the provider writes it in its tokens.")
    return settings


def _typed(name: str, value: Any) -> Any:
    match name:
        case "data" | "certificate" | "certificate_key":
            return Path(value) if value else None
        case "port" | "http_port" | "metrics_port":
            return _port(name, value)
        case "names" | "trusted_hosts":
            return _names(value)
        case "oidc_roles":
            return _pairs(name, value)
        case "outbound_denied" | "outbound_allowed":
            return _networks(name, value)
        case "user_rate" | "node_rate" | "address_rate":
            return _number(name, value, float)
        case "user_burst" | "node_burst" | "address_burst" | "output_limit":
            return _number(name, value, int)
        case "history_days" | "inventory_days" | "audit_days":
            return _days(name, value)
        case "parameter_size" | "advanced_parameter_size":
            return _size(name, value)
        case "control_channel":
            return value if isinstance(value, bool) else _switch(name, value)
        case _:
            return str(value)


def _pairs(name: str, value: Any) -> tuple[str, ...]:
    pairs = _names(value)
    for pair in pairs:
        if not all(pair.rpartition("=")):
            raise WrongSetting(f"{name} is a list of VALUE=ROLE, not {pair!r}.")
    return pairs


def _days(name: str, value: Any) -> int:
    try:
        days = int(value)
    except (TypeError, ValueError):
        days = 0
    if not 1 <= days <= 36_500:
        raise WrongSetting(f"{name} is a number of days, 1 or more, not {value!r}.")
    return days


def _size(name: str, value: Any) -> int:
    try:
        size = int(value)
    except (TypeError, ValueError):
        size = 0
    if not 1 <= size <= LARGEST_VALUE:
        raise WrongSetting(f"{name} is a number from 1 to {LARGEST_VALUE}, not {value!r}.")
    return size


def _port(name: str, value: Any) -> int | None:
    if value == "":
        return None
    try:
        port = int(value)
    except (TypeError, ValueError):
        port = -1
    if not 0 <= port <= 65535:
        raise WrongSetting(f"{name} is a number from 0 to 65535, not {value!r}.")
    return port


def _number(name: str, value: Any, kind: type[int] | type[float]) -> int | float:
    try:
        number = kind(value)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number < math.inf:
        raise WrongSetting(f"{name} is a number from 0 on, not {value!r}.")
    return number


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def _networks(name: str, value: str | Sequence[str]) -> tuple[str, ...]:
    networks = _names(value)
    try:
        Networks(networks)
    except ValueError as fault:
        raise WrongSetting(f"{name} is a list of networks such as 10.0.0.0/8: {fault}") from fault
    return networks


def _switch(name: str, value: str) -> bool:
    match value.lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
    raise WrongSetting(f"{name} is true or false, not {value!r}.")
