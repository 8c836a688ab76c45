"""TLS contexts, with errors that name the setting."""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway import WarmlineError


def trusting(ca_file: Path | None, *, key: str) -> ssl.SSLContext:
    """A client's context that checks certificates and names, against the machine's authorities
    or those in ``ca_file`` alone. Raises WarmlineError when the file cannot be used."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise WarmlineError(f"{key}: cannot use {ca_file}: {error}") from error


def offering(cert: Path, private: Path, *, key: str) -> ssl.SSLContext:
    """A server's context with our certificate. Raises WarmlineError as `trusting` does."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, private)
    except OSError as error:
        raise WarmlineError(f"{key}: cannot use {cert} with {private}: {error}") from error
    return context
