"""The network cards of a Linux machine, as the kernel tells of them."""

import fcntl
import ipaddress
import socket
import struct
from contextlib import suppress
from pathlib import Path

from ostler.agent.host import Card

# netdevice(7)
_ADDRESS_OF = 0x8915
_MASK_OF = 0x891B
_NAME_SIZE = 15


def cards(root: Path) -> list[Card]:
    """Every card but the loopback, by name."""
    gateways = _gateways(root)
    sixes = _sixes(root)
    found = []
    for _, name in sorted(socket.if_nameindex(), key=lambda each: each[1]):
        if name == "lo":
            continue
        address = _asked(_ADDRESS_OF, name)
        found.append(
            Card(
                name=name,
                mac_address=_line(root / "sys/class/net" / name / "address"),
                ipv4=(address,) if address else (),
                ipv6=tuple(sixes.get(name, ())),
                subnet_mask=_asked(_MASK_OF, name) if address else "",
                gateway=gateways.get(name, ""),
            )
        )
    return found


def _asked(question: int, name: str) -> str:
    """An IPv4 address of the card, or nothing."""
    request = struct.pack("256s", name.encode()[:_NAME_SIZE])
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        return socket.inet_ntoa(fcntl.ioctl(asking.fileno(), question, request)[20:24])
    return ""


def _gateways(root: Path) -> dict[str, str]:
    """By card, where packets go that nobody here is meant by (proc(5), /proc/net/route)."""
    found = {}
    with suppress(OSError):
        for line in (root / "proc/net/route").read_text().splitlines()[1:]:
            columns = line.split()
            if len(columns) > 2 and columns[1] == "00000000":
                found[columns[0]] = socket.inet_ntoa(struct.pack("<L", int(columns[2], 16)))
    return found


def _sixes(root: Path) -> dict[str, list[str]]:
    """IPv6 addresses by card."""
    found: dict[str, list[str]] = {}
    with suppress(OSError):
        for line in (root / "proc/net/if_inet6").read_text().splitlines():
            columns = line.split()
            if len(columns) == 6:
                address = str(ipaddress.IPv6Address(int(columns[0], 16)))
                found.setdefault(columns[5], []).append(address)
    return found


def _line(path: Path) -> str:
    with suppress(OSError):
        return path.read_text().strip()
    return ""
