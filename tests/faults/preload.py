"""Imports what `warmline serve` imports, in the server that processes are forked from."""

from gateway.plugins import installed_plugins

installed_plugins()
