"""Timers: what must happen later, kept in the database until it has happened.

A timer whose time has come is leased to one process, whose handler either finishes it in the
transaction of its own effects (`tx.finish`, fenced by the lease) or just returns. What fails is
tried again, later every time, and in the end kept as dead for somebody to look at.
"""

from ostler.foundation.timers.loop import ATTEMPTS, LEASE, Timers, lease_clock
from ostler.foundation.timers.table import (
    MIGRATIONS,
    Dead,
    Due,
    Handler,
    Lease,
    LeaseLost,
    Schedule,
    Waiting,
    dead_letters,
    metadata,
    timers,
    waiting,
)

__all__ = [
    "ATTEMPTS",
    "LEASE",
    "MIGRATIONS",
    "Dead",
    "Due",
    "Handler",
    "Lease",
    "LeaseLost",
    "Schedule",
    "Timers",
    "Waiting",
    "dead_letters",
    "lease_clock",
    "metadata",
    "timers",
    "waiting",
]
