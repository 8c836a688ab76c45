"""Imported by the server that processes are forked from: all that `warmline serve` imports."""

from gateway.guests import installed

installed()
