"""A guard for sockets: this process, and every Python process it starts, reaches only this machine.

``tests/conftest.py`` installs it and adds this folder to PYTHONPATH, so that ``sitecustomize``
installs it in the servers and commands that tests start. It is an audit hook, which cannot be
removed and sees what replacing ``socket.connect`` would miss: ``connect_ex``, datagrams, name
look-ups, and code that kept a reference to the original function.
"""

from __future__ import annotations

import ipaddress
import socket
import sys

LOCAL = {"", "localhost", "localhost.localdomain", "ip6-localhost", socket.gethostname()}
REACHES = {"socket.connect", "socket.sendto", "socket.sendmsg"}
LOOKS_UP = {"socket.getaddrinfo", "socket.gethostbyname"}


class NetworkBlocked(RuntimeError):
    """A test tried to reach another machine. It is not an OSError, so that no code retries it."""


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
            return  # a Unix socket, or a connected one
        host, looked_up = address[0], False
    elif event in LOOKS_UP:
        host, looked_up = args[0], True
    else:
        return
    if not _is_local(host, looked_up=looked_up):
        raise NetworkBlocked(f"{event} to {host!r}: tests reach nothing but this machine")


def install() -> None:
    """Guard this process from now on. This cannot be undone."""
    sys.addaudithook(_watch)
