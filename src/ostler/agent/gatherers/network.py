"""AWS:Network: the network cards, and how the machine finds its way."""

from pathlib import Path

from ostler.agent.gatherers import Entry
from ostler.agent.plugins import Surroundings

_NAMES = Path("/etc/resolv.conf")
_MOST = 1024 * 1024


async def gather(given: str, at: Surroundings) -> list[Entry] | None:
    servers = ",".join(_name_servers(at))
    entries = []
    for card in at.host.network_cards():
        entry = {
            "Name": card.name,
            "MacAddress": card.mac_address,
            "IPV4": ",".join(card.ipv4),
            "IPV6": ",".join(card.ipv6),
            "SubnetMask": card.subnet_mask,
            "Gateway": card.gateway,
            "DNSServer": servers if card.gateway else "",
        }
        entries.append({name: value for name, value in entry.items() if value})
    return entries


def _name_servers(at: Surroundings) -> list[str]:
    if not at.host.exists(_NAMES):
        return []
    lines = at.host.read(_NAMES, _MOST).decode(errors="replace").splitlines()
    words = [line.split() for line in lines]
    return [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]
