"""The socket guard: this process, and every Python it starts, may talk to this machine alone.

``tests/conftest.py`` lets it stand and puts this folder on PYTHONPATH, so that servers and
commands that tests start are guarded as well, by ``sitecustomize``. An audit hook cannot be taken
off again and sees what replacing ``socket.connect`` misses: ``connect_ex``,
datagrams, name look-ups, and code that kept the original function.
"""

from __future__ import annotations

import ipaddress
import socket
import sys

LOCAL = {"", "localhost", "localhost.localdomain", "ip6-localhost", socket.gethostname()}
REACHES = {"socket.connect", "socket.sendto", "socket.sendmsg"}
LOOKS_UP = {"socket.getaddrinfo", "socket.gethostbyname"}


class Refused(RuntimeError):
    """Something tried to leave this machine. No OSError, so that nobody retries it quietly."""


def _is_local(host: object, *, looked_up: bool) -> bool:
    if host is None:
        return True
    name = host.decode("idna") if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name.rstrip(".").lower() in LOCAL
    return looked_up or address.is_loopback or address.is_unspecified


def _watch(event: str, args: tuple[object, ...]) -> None:
    if event in REACHES:
        address = args[1] if len(args) > 1 else None
        if not isinstance(address, tuple):
            return  # a Unix socket, or one that is connected already
        host, looked_up = address[0], False
    elif event in LOOKS_UP:
        host, looked_up = args[0], True
    else:
        return
    if not _is_local(host, looked_up=looked_up):
        raise Refused(f"{event} to {host!r}: tests reach nothing but this machine")


def stand() -> None:
    """Guard this process from now on, for good."""
    sys.addaudithook(_watch)
