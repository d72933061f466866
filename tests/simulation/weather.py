"""Weather: what goes wrong in a simulation and how often; every seed has its own."""

from dataclasses import dataclass, fields, replace
from random import Random


@dataclass(frozen=True, slots=True)
class Weather:
    """Chances are of one in one; those of deeds are chances per second."""

    latency: float = 0.002
    """Seconds that a message usually takes, at most; the least is a tenth of it."""
    slow: float = 0.0
    """A message takes a thousand times as long."""

    frame_lost: float = 0.0
    frame_twice: float = 0.0
    frame_overtakes: float = 0.0
    """TCP does none of these three; a bug of ours, or of something between, may."""

    request_lost: float = 0.0
    request_twice: float = 0.0
    request_refused: float = 0.0
    answer_lost: float = 0.0

    line_cut: float = 0.0
    cut_silent: float = 0.3
    """Of the cuts, those that nobody is told of."""
    node_lost: float = 0.0
    """Nothing reaches the node for a while."""

    agent_killed: float = 0.0
    agent_stopped: float = 0.0
    power_lost: float = 0.0
    away_long: float = 0.1
    """Of the agents that end, those that stay away for very long."""
    disk_full: float = 0.0
    clock_jumps: float = 0.0
    """Of a node or of the server, by a minute or two."""

    server_killed: float = 0.0
    server_stopped: float = 0.0
    storage_slow: float = 0.0
    storage_away: float = 0.0
    """The database fails for some seconds."""
    run_twice: float = 0.0
    """A transaction is rolled back and run again, as PostgreSQL may demand."""
    writes_overtake: bool = False
    """Transactions are committed in another order than they were asked for."""


CALM = Weather()

_CLIMATES: tuple[tuple[str, ...], ...] = (
    (),
    ("slow", "line_cut", "node_lost", "request_lost", "request_refused", "answer_lost"),
    ("frame_lost", "frame_twice", "frame_overtakes", "request_twice"),
    ("agent_killed", "agent_stopped", "power_lost", "disk_full", "clock_jumps"),
    ("server_killed", "server_stopped", "storage_slow", "run_twice"),
    ("storage_away", "storage_slow", "run_twice", "line_cut"),
)
_MOST = {
    "slow": 0.05,
    "frame_lost": 0.2,
    "frame_twice": 0.5,
    "frame_overtakes": 0.2,
    "request_lost": 0.1,
    "request_twice": 0.1,
    "request_refused": 0.2,
    "answer_lost": 0.1,
    "line_cut": 0.05,
    "node_lost": 0.01,
    "agent_killed": 0.02,
    "agent_stopped": 0.01,
    "power_lost": 0.03,
    "disk_full": 0.005,
    "clock_jumps": 0.01,
    "server_killed": 0.05,
    "server_stopped": 0.02,
    "storage_slow": 0.1,
    "storage_away": 0.03,
    "run_twice": 0.2,
}


def weather_of(chance: Random) -> Weather:
    """A seed's weather: calm, one climate, two that meet, or all of them at once."""
    kind = chance.random()
    if kind < 0.1:
        climates = [_CLIMATES[0]]
    elif kind < 0.5:
        climates = [chance.choice(_CLIMATES[1:])]
    elif kind < 0.8:
        climates = chance.sample(_CLIMATES[1:], 2)
    else:
        climates = list(_CLIMATES)
    names = {name for climate in climates for name in climate}
    strength = chance.choice((0.2, 0.5, 1.0))
    chosen = {
        field.name: _MOST[field.name] * chance.random() * strength
        for field in fields(Weather)
        if field.name in names
    }
    return replace(
        CALM,
        latency=chance.choice((0.0005, 0.005, 0.05)),
        writes_overtake=chance.random() < 0.3,
        **chosen,
    )
