"""What the kernel knows of a process: the CPU it used, the memory it holds."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGESIZE")


def cpu(process: int) -> float:
    """Seconds of CPU that the process has used, to the hundredth."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(process: int) -> float:
    """Kilobytes of the process that are in memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE / 1024
