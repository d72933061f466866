"""The environment of programs: what they find of the agent's own, which may hold secrets."""

from collections.abc import Collection, Mapping

PASSED_ON = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
    }
)
"""Who a program is, which language it speaks, and how it gets to the network; and `LC_…`."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def passed_on(own: Mapping[str, str], further: Collection[str] = ()) -> dict[str, str]:
    """What of the agent's own environment programs get: what is harmless, and what is named.

    The agent may have been started from a shell that holds somebody's keys. (The stock agent
    hands on everything, and leaves it to systemd that there is nothing.)
    """
    kept = {
        name: value
        for name, value in own.items()
        if name in PASSED_ON or name.startswith("LC_") or name in further
    }
    return {"PATH": _PATH, **kept}
