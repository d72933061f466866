"""Downloads: what the inputs of aws:downloadContent ask for, before anything is touched."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from ostler.agent.plugins import StepFault
from ostler.grammar.objects import object_of

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_CREDENTIALS = ("username", "password")
_SECRET = re.compile(r"\{\{\s*ssm-secure:([\w./-]+(?::[\w.-]+)?)\s*\}\}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-fA-F]{4,64}")
_PLACE_OF_KEY = re.compile(r"(^|/)\.\.(/|$)")


@dataclass(frozen=True, slots=True)
class HttpSource:
    """A URL, and what proves that its content is the right one."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    insecure: bool = False
    sha256: str = ""

    @property
    def name(self) -> str:
        """What the file is called when nobody says otherwise."""
        return _last_part(unquote(urlsplit(self.url).path)) or "download"


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """An object in a bucket, or all whose keys begin with a folder's name."""

    bucket: str
    key: str

    @property
    def folder(self) -> bool:
        return not self.key or self.key.endswith("/")

    @property
    def name(self) -> str:
        return _last_part(self.key) or "download"


@dataclass(frozen=True, slots=True)
class ServerDocument:
    """A document that the server keeps."""

    path: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, at a branch or a commit, as a whole or a part of it."""

    url: str
    branch: str = ""
    commit: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    any_host_key: bool = False
    insecure: bool = False
    part: str = ""


Source = HttpSource | ObjectSource | ServerDocument | Repository


def source_of(inputs: Mapping[str, Any]) -> Source:
    """What a step wants downloaded; StepFault when that cannot be made out."""
    match inputs.get("sourceType"):
        case "HTTP":
            return _http(_info(inputs, "HTTP"))
        case "S3":
            return _object(_info(inputs, "S3"))
        case "SSMDocument":
            return _document(_info(inputs, "SSMDocument"))
        case "Git":
            return _repository(_info(inputs, "Git"))
        case "GitHub":
            return _github(_info(inputs, "GitHub"))
    raise StepFault("The input sourceType must be HTTP, S3, SSMDocument, Git or GitHub.")


def secrets_in(inputs: Mapping[str, Any]) -> Mapping[str, str]:
    """The parameters that a source's credentials stand for, by the member that names each."""
    try:
        info = _info(inputs, str(inputs.get("sourceType")))
    except StepFault:
        return {}
    found = {name: _SECRET.fullmatch(str(info.get(name, "")).strip()) for name in _CREDENTIALS}
    return {name: match[1] for name, match in found.items() if match is not None}


def with_secrets(inputs: Mapping[str, Any], secrets: Mapping[str, str]) -> Mapping[str, Any]:
    """The inputs with the credentials themselves in their places."""
    info = _info(inputs, str(inputs.get("sourceType")))
    return {**inputs, "sourceInfo": {**info, **secrets}}


def destination(inputs: Mapping[str, Any], downloads: Path) -> tuple[Path, bool]:
    """Where the download goes, and whether that is a folder because a slash says so."""
    given = inputs.get("destinationPath") or ""
    if not isinstance(given, str) or "\0" in given:
        raise StepFault("The input destinationPath must be a path.")
    path = Path(given)
    if path.is_absolute():
        return path, given.endswith("/")
    if ".." in path.parts:
        raise StepFault("A relative destinationPath must stay below the downloads: no '..'.")
    return downloads / path, not given or given.endswith("/")


def inside(folder: Path, name: str) -> Path:
    """The place of a key below a folder; StepFault when it would be elsewhere."""
    if name.startswith("/") or _PLACE_OF_KEY.search(name) or "\0" in name:
        raise StepFault(f"The key {name!r} would be written outside of the destination.")
    return folder / name


def _info(inputs: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    given = inputs.get("sourceInfo")
    if isinstance(given, str) and given.strip():
        try:
            given = msgspec.json.decode(given)
        except msgspec.MsgspecError as fault:
            raise StepFault(f"The input sourceInfo is not JSON: {fault}") from fault
    if not isinstance(given, dict) or not given:
        raise StepFault(f"The input sourceInfo must say which {kind} source.")
    return given


def _http(info: Mapping[str, Any]) -> HttpSource:
    url, insecure = _text(info, "url"), _flag(info, "allowInsecureDownload")
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise StepFault("The sourceInfo of HTTP needs a url that begins with https://.")
    if parts.scheme == "http" and not insecure:
        raise StepFault(f"{parts.hostname} would be asked without TLS: say allowInsecureDownload.")
    sha256 = _text(info, "sha256") or _text(info, "checksum").removeprefix("sha256:")
    if sha256 and not _SHA256.fullmatch(sha256):
        raise StepFault("The sha256 in sourceInfo must be 64 hexadecimal digits.")
    return HttpSource(url, _authorisation(info), insecure, sha256.lower())


def _authorisation(info: Mapping[str, Any]) -> dict[str, str]:
    method = _text(info, "authMethod") or "None"
    if method == "None":
        return {}
    if method != "Basic":
        raise StepFault(f"The authMethod {method} is not supported; None and Basic are.")
    pair = f"{_text(info, 'username')}:{_text(info, 'password')}".encode()
    return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _object(info: Mapping[str, Any]) -> ObjectSource:
    url = _text(info, "path")
    named = object_of(url)
    if named is not None:
        return ObjectSource(*named)
    # Any other server may keep buckets, too; then they stand in the path.
    parts = urlsplit(url.replace("+", "%20"))
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise StepFault("The sourceInfo of S3 needs a path that is an object's URL.")
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    if not bucket:
        raise StepFault(f"{url} names no bucket.")
    return ObjectSource(bucket, key)


def _document(info: Mapping[str, Any]) -> ServerDocument:
    name = _text(info, "name")
    if not name:
        raise StepFault("The sourceInfo of SSMDocument needs the document's name.")
    return ServerDocument(name)


def _repository(info: Mapping[str, Any]) -> Repository:
    url, insecure = _text(info, "repository"), _flag(info, "allowInsecureDownload")
    if not url or url.startswith("-") or "::" in url:
        raise StepFault("The sourceInfo of Git needs a repository's URL.")
    if url.startswith("http://") and not insecure:
        raise StepFault("The repository would be asked without TLS: say allowInsecureDownload.")
    if _text(info, "privateSSHKey"):
        raise StepFault("privateSSHKey is not supported: ssh uses the keys that the node has.")
    branch, commit = _version(_text(info, "getOptions"))
    return Repository(
        url,
        branch,
        commit,
        _text(info, "username"),
        _text(info, "password"),
        _flag(info, "skipHostKeyChecking"),
        insecure,
    )


def _github(info: Mapping[str, Any]) -> Repository:
    owner, name = _text(info, "owner"), _text(info, "repository")
    if not re.fullmatch(r"[\w.-]+", owner) or not re.fullmatch(r"[\w.-]+", name):
        raise StepFault("The sourceInfo of GitHub needs owner and repository.")
    if _text(info, "tokenInfo"):
        raise StepFault("tokenInfo is not supported yet: private repositories need Git instead.")
    branch, commit = _version(_text(info, "getOptions"))
    part = str(PurePosixPath("/", _text(info, "path")).relative_to("/"))
    if ".." in PurePosixPath(part).parts:
        raise StepFault("The path in sourceInfo must stay inside the repository.")
    return Repository(f"https://github.com/{owner}/{name}.git", branch, commit, part=part)


def _version(options: str) -> tuple[str, str]:
    """Branch and commit in what the stock agent calls getOptions."""
    kind, _, value = options.partition(":")
    value = value.strip()
    if not options:
        return "", ""
    if kind == "branch" and value and not value.startswith("-"):
        return value, ""
    if kind == "commitID" and _COMMIT.fullmatch(value):
        return "", value
    raise StepFault("getOptions must be branch:NAME or commitID:SHA.")


def _text(info: Mapping[str, Any], name: str) -> str:
    value = info.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise StepFault(f"{name} in sourceInfo must be a text.")
    if "{{" in value and "ssm-secure:" in value:
        raise StepFault(f"{name} in sourceInfo cannot be a secret; username and password can.")
    return value.strip()


def _flag(info: Mapping[str, Any], name: str) -> bool:
    return info.get(name) in (True, "true", "True")


def _last_part(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2]
    return "" if name in (".", "..") or "\0" in name else name
