"""Invocation: acting as a customer, for capabilities that are there before the gateway is."""

from collections.abc import Mapping
from typing import Any

from ostler.foundation.call import Call
from ostler.gateway.app import Gateway


class Invocation:
    """Calls operations at the gateway, once there is one: the house's Invoke."""

    def __init__(self) -> None:
        self._gateway: Gateway | None = None

    def serve(self, gateway: Gateway) -> None:
        """Let this gateway answer; said once, when the house is put together."""
        self._gateway = gateway

    async def __call__(
        self, call: Call, service: str, operation: str, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """What the operation answers to `call`'s caller."""
        assert self._gateway is not None, "nothing is invoked before the gateway is there"
        return await self._gateway.invoke(call, service, operation, given)
