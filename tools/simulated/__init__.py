"""Simulated nodes: thousands of them in one process, who speak to a server as stock agents do.

Everything between a node and the server is real: TLS, registration with an activation, keys,
tokens and signatures, a websocket each, heartbeats, acknowledgements and replies. Only the work is
not: a step takes as long and ends as a `Manner` says, and answers with the script it was given.

    fleet = Fleet(url, authority, manner=Manner(seconds=(0.1, 2.0)))
    await fleet.enrol(activations(boto3.client("ssm"), 500, role="fleet"))
    async with fleet.running():
        await fleet.connected()
        ...                     # send commands; fleet.cut(0.3) cuts the lines of three in ten
    assert fleet.twice() == []  # no job was begun again

What a node took on and what nobody acknowledged it keeps while its line is cut, as a stock agent
keeps both on disk. A reply that is not acknowledged within `Manner.repeat` seconds is sent again.
`make fleet N=500` runs this from the command line (tools/fleet.py).
"""

from tools.simulated.fleet import Activation, Fleet, activations, allow_files
from tools.simulated.node import Manner, Node

__all__ = ["Activation", "Fleet", "Manner", "Node", "activations", "allow_files"]
