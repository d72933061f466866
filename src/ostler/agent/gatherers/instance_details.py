"""AWS:InstanceDetailedInformation: the processors, and the kernel."""

from pathlib import Path

from ostler.agent.gatherers import Entry, settings
from ostler.agent.plugins import Surroundings

_PROCESSORS = Path("/proc/cpuinfo")
_KERNEL = Path("/proc/sys/kernel/osrelease")


async def gather(given: str, at: Surroundings) -> list[Entry] | None:
    if not at.host.exists(_PROCESSORS):
        return None
    every = [each for each in settings(at.host, _PROCESSORS) if "processor" in each]
    first = every[0] if every else {}
    sockets = {each.get("physical id", "0") for each in every}
    cores = {
        (each.get("physical id", "0"), each.get("core id", each["processor"])) for each in every
    }
    entry = {
        "CPUModel": first.get("model name", ""),
        "CPUSpeedMHz": first.get("cpu MHz", "").partition(".")[0],
        "CPUs": str(len(every)),
        "CPUSockets": str(len(sockets)),
        "CPUCores": str(len(cores)),
        "CPUHyperThreadEnabled": str(len(every) > len(cores)).lower(),
        "KernelVersion": at.host.read(_KERNEL, 4096).decode(errors="replace").strip(),
    }
    return [{name: value for name, value in entry.items() if value}]
