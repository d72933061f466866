"""aws:configurePackage: packages of the server, installed, brought up to date and removed.

What a package consists of stays on the node as long as it is installed, since its own script
removes it; `state.json` beside it says which version that is, and is written before and after
every script: what was interrupted is done anew.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ostler.agent import scripts
from ostler.agent.host import Program
from ostler.agent.plugins import DONE, Ending, PackageDocument, StepFault, Surroundings
from ostler.agent.plugins.download_content import receive
from ostler.agent.supervision import unless_stopped
from ostler.grammar.documents import DocumentFault
from ostler.grammar.documents.packages import Machine, check_package, file_for, platform_named
from ostler.wire.agent.jobs import ReplyStatus

INSTALL, UNINSTALL = "Install", "Uninstall"
IN_PLACE, ANEW = "In-place update", "Uninstall and reinstall"
_ENDS = (".zip", ".tar.gz", ".tgz")
_STATE = "state.json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a step asks for."""

    name: str
    version: str
    action: str
    in_place: bool
    variables: Mapping[str, str]


class State(Struct, frozen=True):
    """What is on this node of a package: a version in its folder, whole only if `done`."""

    version: str = ""
    digest: str = ""
    done: bool = False


async def run(inputs: Mapping[str, Any], at: Surroundings) -> Ending:
    wanted = wanted_of(inputs)
    # Two packages whose names differ in what a path cannot hold are two folders.
    home = at.packages / hashlib.sha256(wanted.name.encode()).hexdigest()[:32]
    state = _state(home, at)
    began = at.clock.now()
    if wanted.action == INSTALL:
        version, ending = await _install(wanted, state, home, at)
    else:
        version, ending = await _uninstall(wanted, state, home, at)
    taken = (at.clock.now() - began).total_seconds()
    await at.sources.tell_package(
        {
            "PackageName": wanted.name,
            "PackageVersion": version or wanted.version or "latest",
            "PreviousPackageVersion": state.version,
            "Operation": wanted.action,
            "OverallTiming": int(taken * 1000),
            "Result": ending.code,
        }
    )
    return ending


def wanted_of(inputs: Mapping[str, Any]) -> Wanted:
    """What the inputs ask for; StepFault for what cannot be."""
    name = scripts.text_input(inputs, "name")
    if not name:
        raise StepFault("The input name must say which package is meant.")
    action = scripts.text_input(inputs, "action")
    if action not in (INSTALL, UNINSTALL):
        raise StepFault(f"The input action must be {INSTALL} or {UNINSTALL}, not {action or '…'}.")
    way = scripts.text_input(inputs, "installationType") or ANEW
    if way not in (IN_PLACE, ANEW):
        raise StepFault(f"The input installationType must be {ANEW} or {IN_PLACE}, not {way}.")
    version = scripts.text_input(inputs, "version")
    variables = _variables(inputs.get("additionalArguments"))
    return Wanted(name, "" if version == "latest" else version, action, way == IN_PLACE, variables)


async def _install(
    wanted: Wanted, state: State, home: Path, at: Surroundings
) -> tuple[str, Ending]:
    asked = at.sources.package(wanted.name, wanted.version)
    package = await unless_stopped(asked, at.stop)
    manifest, raw = _manifest(package, wanted)
    version = package.version or manifest.version
    digest = hashlib.sha256(package.manifest.encode()).hexdigest()
    present = f"{wanted.name} {version}"
    if state.done and (state.version, state.digest) == (version, digest):
        at.output.say("stdout", f"{present} is installed already.\n")
        return version, DONE
    facts = at.host.facts()
    platform = platform_named(facts.platform_name)
    machine = Machine(platform, facts.platform_version, facts.architecture)
    try:
        file = file_for(raw, machine)
    except DocumentFault as fault:
        raise StepFault(str(fault.message)) from fault
    fresh = home / "new"
    await _fetch(file, package, manifest.checksums[file], fresh, at)
    old = home / "files"
    ending = DONE
    script = "install"
    if state.version and wanted.in_place:
        script = "update"
    elif state.version and at.host.exists(old / "uninstall.sh"):
        at.output.say("stdout", f"Removing {wanted.name} {state.version}\n")
        ending = await _script("uninstall", old, wanted, at)
    if ending != DONE:
        return version, ending
    _write(home, State(version, digest), at)
    at.host.remove(old)
    at.host.move_into(fresh, old)
    at.host.remove(fresh)
    ending = await _script(script, old, wanted, at)
    if ending == DONE:
        _write(home, State(version, digest, done=True), at)
        at.output.say("stdout", f"{present} is installed.\n")
    return version, ending


async def _uninstall(
    wanted: Wanted, state: State, home: Path, at: Surroundings
) -> tuple[str, Ending]:
    if not state.version or wanted.version not in ("", state.version):
        at.output.say("stdout", f"{wanted.name} {wanted.version} is not installed.\n")
        return wanted.version, DONE
    _write(home, State(state.version, state.digest), at)
    ending = await _script("uninstall", home / "files", wanted, at)
    if ending == DONE:
        at.host.remove(home)
        at.output.say("stdout", f"{wanted.name} {state.version} is removed.\n")
    return state.version, ending


async def _fetch(
    file: str, package: PackageDocument, sha256: str, folder: Path, at: Surroundings
) -> None:
    """Have a folder hold what is in the package's file for this machine."""
    if not file.endswith(_ENDS):
        raise StepFault(f"{file} must be one of {', '.join(_ENDS)}.")
    link = package.links.get(file)
    if not link:
        raise StepFault(f"The package promises {file} and has no such attachment.")
    at.host.remove(folder)
    at.host.make_folder(folder)
    archive = at.folder / f"package{next(end for end in _ENDS if file.endswith(end))}"
    try:
        answer = await receive(archive, at, partial(at.sources.fetch, link, {}), sha256)
        if answer.status != 200:
            raise StepFault(f"The server answered {answer.status} instead of {file}.")
        at.host.unpack(archive, folder)
    finally:
        at.host.remove(archive)


async def _script(name: str, folder: Path, wanted: Wanted, at: Surroundings) -> Ending:
    """Run one of the package's scripts; those that it has no need of it does not have."""
    file = folder / f"{name}.sh"
    if not at.host.exists(file):
        if name == "update":
            raise StepFault(f"The package has no update.sh: {ANEW} installs it.")
        return DONE
    facts = at.host.facts()
    about = {
        "BWS_ACTION_NAME": name,
        "BWS_PLATFORM_NAME": platform_named(facts.platform_name),
        "BWS_PLATFORM_VERSION": facts.platform_version,
        "BWS_ARCHITECTURE": facts.architecture,
        "BWS_INSTANCE_ID": at.environment.get("AWS_SSM_INSTANCE_ID", ""),
        "BWS_REGION": at.environment.get("AWS_SSM_REGION_NAME", ""),
    }
    program = Program(["sh", str(file)], folder, {**wanted.variables, **about, **at.environment})
    ending = await scripts.run_program(program, at.limit, at)
    if ending.status is ReplyStatus.FAILED:
        at.output.say("stderr", f"\n{name}.sh of {wanted.name} failed.\n")
    return ending


def _manifest(package: PackageDocument, wanted: Wanted) -> tuple[Any, Any]:
    try:
        raw = msgspec.json.decode(package.manifest)
        return check_package(raw), raw
    except (msgspec.DecodeError, DocumentFault) as fault:
        raise StepFault(f"{wanted.name} is no package that can be installed: {fault}") from fault


def _variables(given: Any) -> Mapping[str, str]:
    """The additional arguments, which scripts find as variables: a map, or one written in JSON."""
    if isinstance(given, str) and given.strip():
        try:
            given = msgspec.json.decode(given)
        except msgspec.DecodeError as fault:
            raise StepFault("The input additionalArguments must be a map in JSON.") from fault
    if given in (None, ""):
        return {}
    if not isinstance(given, dict):
        raise StepFault("The input additionalArguments must be a map in JSON.")
    return scripts.environment_of({"environment": given})


def _state(home: Path, at: Surroundings) -> State:
    if not at.host.exists(home / _STATE):
        return State()
    try:
        return msgspec.json.decode(at.host.read(home / _STATE, 64 * 1024), type=State)
    except msgspec.MsgspecError:
        return State()


def _write(home: Path, state: State, at: Surroundings) -> None:
    at.host.write(home / _STATE, msgspec.json.encode(state))
