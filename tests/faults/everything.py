"""Imported by the server that processes are forked from: all that `warmline serve` imports."""

from gateway.plugins import installed_plugins

installed_plugins()
