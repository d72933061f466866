"""People: messages by Apprise, to whatever channel its URL names."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ostler.capabilities.notifications.errors import InvalidParameterException
from ostler.foundation.deliveries import NotNow, Undeliverable
from ostler.foundation.outbound import Networks, Unreachable

_SECONDS = 30
_AT_ONCE = 8
_AT_HOME = {"dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"}
"""Channels that end on the server's own screen and log."""


class People:
    """Tells people, in threads of its own: a channel that hangs holds up no other work.

    `channel_of` makes Apprise's object of a URL; tests bring another.
    """

    def __init__(self, networks: Networks, channel_of: Callable[[str], Any] | None = None) -> None:
        self._networks = networks
        self._channel_of = channel_of or _channel_of
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="people")

    def shown(self, url: str) -> str:
        """The URL without its secrets; InvalidParameterException where it is none of Apprise's."""
        return str(self._channel(url).url(privacy=True))

    async def tell(self, url: str, title: str, body: str) -> None:
        """Send a message; NotNow or Undeliverable when it was not taken."""
        loop = asyncio.get_running_loop()
        try:
            channel = self._channel(url)
        except InvalidParameterException as fault:
            raise Undeliverable(fault.message) from fault
        await self._check_host(channel)
        sending = loop.run_in_executor(
            self._threads, lambda: channel.notify(body=body, title=title)
        )
        try:
            taken = await asyncio.wait_for(sending, _SECONDS)
        except TimeoutError:
            raise NotNow(f"{channel.service_name} took longer than {_SECONDS} seconds.") from None
        except TypeError as fault:  # what Apprise raises for a message that it cannot send
            raise Undeliverable(f"{channel.service_name} cannot send this: {fault}") from fault
        if not taken:
            raise NotNow(f"{channel.service_name} did not take it.")

    def _channel(self, url: str) -> Any:
        scheme = url.partition("://")[0].lower()
        if scheme in _AT_HOME or not (channel := self._channel_of(url)):
            raise InvalidParameterException(
                "Invalid parameter: Endpoint Reason: it is no URL of Apprise that leads out of here"
            )
        return channel

    async def _check_host(self, channel: Any) -> None:
        host = getattr(channel, "host", None)
        if not isinstance(host, str) or not host:
            return
        try:
            await self._networks.find(host.strip("[]"), getattr(channel, "port", None) or 443)
        except Unreachable as fault:
            if fault.lasting:
                raise Undeliverable(str(fault)) from fault
            # Some channels have a name where others have a host; theirs is known to Apprise.
            return


def _channel_of(url: str) -> Any:
    # Imported when first a person is to be told: it brings a hundred channels along.
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it names URLs, and their secrets
    return apprise.Apprise.instantiate(url, suppress_exceptions=True)
