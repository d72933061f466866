"""aws:downloadContent: files from a URL, the server's documents or buckets, or a repository."""

import base64
import hashlib
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from ostler.agent import scripts
from ostler.agent.downloads import (
    HttpSource,
    ObjectSource,
    Repository,
    ServerDocument,
    destination,
    inside,
    secrets_in,
    source_of,
    with_secrets,
)
from ostler.agent.host import NewFile, Program
from ostler.agent.plugins import DONE, Ending, StepFault, Surroundings
from ostler.agent.plugins.run_document import name_and_version
from ostler.agent.supervision import supervise, unless_stopped
from ostler.wire.agent.jobs import ReplyStatus
from ostler.wire.http import Response

MOST_REDIRECTS = 10


async def run(inputs: Mapping[str, Any], at: Surroundings) -> Ending:
    source = source_of(await _with_secrets(inputs, at))
    target, folder = destination(inputs, at.downloads)
    folder = folder or at.host.is_folder(target)
    match source:
        case HttpSource():
            await _fetch(source, target / source.name if folder else target, at)
        case ServerDocument(path=path):
            name, version = name_and_version(path)
            content = await unless_stopped(at.sources.document(name, version), at.stop)
            file = target / f"{name.rpartition('/')[2]}.json" if folder else target
            at.host.write(file, content.encode(), executable=True)
        case ObjectSource():
            await _objects(source, target, folder, at)
        case Repository():
            ending = await _clone(source, target, at)
            if ending != DONE:
                return ending
    at.output.say("stdout", f"Content downloaded to {target}\n")
    return DONE


async def _with_secrets(inputs: Mapping[str, Any], at: Surroundings) -> Mapping[str, Any]:
    """The inputs, with credentials that are `{{ssm-secure:name}}` fetched by the node itself."""
    names = secrets_in(inputs)
    if not names:
        return inputs
    secrets = {}
    for member, name in names.items():
        kind, secrets[member] = await unless_stopped(at.sources.secret(name), at.stop)
        if kind != "SecureString":
            raise StepFault(f"The parameter {name} is no SecureString: say {{{{ssm:{name}}}}}.")
    return with_secrets(inputs, secrets)


class _Incoming:
    """A file on its way: measured against the room there is, and hashed."""

    def __init__(self, file: NewFile, room: int | None) -> None:
        self._file = file
        self._room = room
        self._size = 0
        self.digest = hashlib.sha256()

    def take(self, data: bytes) -> None:
        self._size += len(data)
        if self._room is not None and self._size > self._room:
            raise StepFault(
                f"The content has more than {self._room} bytes, which is all that relative "
                "destinations may take; an absolute destinationPath has no such limit."
            )
        self.digest.update(data)
        self._file.write(data)


async def receive(
    file: Path,
    at: Surroundings,
    ask: Callable[[Callable[[bytes], None]], Coroutine[Any, Any, Response]],
    sha256: str = "",
) -> Response:
    """Have a file hold what an answer brings; whatever fails, no part of it is left."""
    fresh = at.host.new_file(file)
    incoming = _Incoming(fresh, at.room if file.is_relative_to(at.downloads) else None)
    try:
        answer = await unless_stopped(ask(incoming.take), at.stop)
        if answer.status == 200:
            found = incoming.digest.hexdigest()
            if sha256 and found != sha256:
                raise StepFault(f"The content's sha256 is {found}, not {sha256}: it is not kept.")
            fresh.keep(executable=True)
        return answer
    finally:
        fresh.drop()


async def _fetch(source: HttpSource, file: Path, at: Surroundings) -> None:
    url, headers = source.url, source.headers
    for _ in range(MOST_REDIRECTS):
        here = url
        answer = await receive(file, at, partial(at.sources.fetch, here, headers), source.sha256)
        if answer.status == 200:
            return
        if answer.status not in (301, 302, 303, 307, 308) or "location" not in answer.headers:
            raise StepFault(f"{_shown(here)} answered {answer.status} instead of the content.")
        url = urljoin(here, answer.headers["location"])
        if urlsplit(url).scheme != "https" and not source.insecure:
            raise StepFault(f"{_shown(here)} leads to {_shown(url)}, which has no TLS.")
        if urlsplit(url).netloc != urlsplit(here).netloc:
            headers = {}  # the password is for the first server alone
    raise StepFault(f"{_shown(source.url)} leads from one place to the next without an end.")


async def _objects(source: ObjectSource, target: Path, folder: bool, at: Surroundings) -> None:
    if not source.folder:
        await _object(source.bucket, source.key, target / source.name if folder else target, at)
        return
    keys = [
        key for key in await at.sources.objects(source.bucket, source.key) if not key.endswith("/")
    ]
    if not keys:
        raise StepFault(f"No object in {source.bucket} begins with {source.key}.")
    for key in keys:
        await _object(source.bucket, key, inside(target, key.removeprefix(source.key)), at)


async def _object(bucket: str, key: str, file: Path, at: Surroundings) -> None:
    answer = await receive(file, at, partial(at.sources.object, bucket, key))
    if answer.status == 200:
        return
    said = answer.body[:2000].decode(errors="replace")
    for code in ("NoSuchBucket", "NoSuchKey", "AccessDenied"):
        if code in said:
            raise StepFault(f"{code}: {bucket}/{key} cannot be downloaded.")
    raise StepFault(
        "UnsupportedOperation: the server keeps no buckets, so that sourceType S3 has nothing "
        f"to download from (it answered {answer.status}). HTTP, Git and SSMDocument work."
    )


async def _clone(source: Repository, target: Path, at: Surroundings) -> Ending:
    git = at.host.find("git")
    if git is None:
        raise StepFault("git is not installed on this node, and repositories need it.")
    clone = at.folder / "clone"
    at.host.remove(clone)
    at.host.make_folder(at.folder)
    for arguments in git_commands(source, str(clone)):
        program = Program(
            [git, *arguments], at.folder, {**at.environment, **_git_environment(source)}
        )
        process = at.host.start(program, at.output.write)
        at.began(process.leader)
        end = await supervise(process, at.clock, limit=at.limit, stop=at.stop)
        ending = scripts.ending(end)
        if ending != DONE:
            at.host.remove(clone)
            at.output.say("stderr", f"git ended with {end.code}\n")
            return Ending(ending.status, ending.code or 1)
    at.host.remove(clone / ".git")
    wanted = clone / source.part
    if not at.host.real(wanted).is_relative_to(at.host.real(clone)):
        raise StepFault(f"{source.part} leads out of the repository.")
    if at.host.is_folder(wanted):
        at.host.move_into(wanted, target)
    elif at.host.exists(wanted):
        at.host.move_file(wanted, target / wanted.name)
    else:
        raise StepFault(f"The repository has no {source.part}.")
    at.host.remove(clone)
    return Ending(ReplyStatus.SUCCESS)


def git_commands(source: Repository, folder: str) -> list[list[str]]:
    """What git is to be told."""
    if source.commit:
        return [
            ["clone", "--quiet", "--no-checkout", "--", source.url, folder],
            ["-C", folder, "checkout", "--quiet", "--detach", source.commit],
        ]
    branch = ["--branch", source.branch] if source.branch else []
    return [["clone", "--quiet", "--depth", "1", *branch, "--", source.url, folder]]


def _git_environment(source: Repository) -> dict[str, str]:
    """Nothing is asked at a terminal, and no password stands where other users can read it."""
    ssh = "ssh -o BatchMode=yes"
    if source.any_host_key:
        ssh += " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    protocols = "file:git:https:ssh" + (":http" if source.insecure else "")
    environment = {
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_SSH_COMMAND": ssh,
        "GIT_TERMINAL_PROMPT": "0",
    }
    if source.username or source.password:
        parts = urlsplit(source.url)
        pair = base64.b64encode(f"{source.username}:{source.password}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {pair}",
        }
    return environment


def _shown(url: str) -> str:
    """A URL without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"
