"""People: Apprise itself, and what it is not let do."""

import pytest

from ostler.capabilities.notifications.errors import InvalidParameterException
from ostler.capabilities.notifications.service.people import People
from ostler.foundation.deliveries import Undeliverable
from ostler.foundation.outbound import Networks


def test_a_url_is_shown_without_its_secrets() -> None:
    shown = People(Networks()).shown("mailtos://user:pass-word@example.com?to=ops@example.com")

    assert "pass-word" not in shown
    assert "example.com" in shown


@pytest.mark.parametrize("url", ["", "nothing", "unknown://x", "syslog://", "DBus://"])
def test_what_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(InvalidParameterException):
        People(Networks()).shown(url)


async def test_a_denied_address_is_not_spoken_to() -> None:
    with pytest.raises(Undeliverable):
        await People(Networks()).tell("json://127.0.0.1:9/", "title", "body")
