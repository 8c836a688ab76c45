"""The description of our HTTP doors is true: it names each of them, and they answer as it says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
)

from gateway.app import Gateway, routes
from gateway.web import openapi

from .description import DOCUMENT, document, gateway_in, parts
from .serving import Proofs, Served

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "10"))
"""Requests for each operation, besides those at the edges of its schemas."""
LENIENT = [
    # A provider may send more and other than it documents, and is not refused for that; and a
    # schema cannot say all that a message needs.
    negative_data_rejection,
    positive_data_acceptance,
    # Here each request gets its proof. What a wrong or missing one gets is tested beside each
    # channel.
    ignored_auth,
    missing_required_header,
]
APART = ["webchat.socket", "desk.live", "desk.sign-out", "desk.sign-out-everywhere", "readyz"]
"""A socket, a stream, what would end the sessions of all other requests; and what truly says 503,
as no provider can be reached."""

SCHEMA = schemathesis.openapi.from_path(DOCUMENT).exclude(operation_id=APART)
bounds = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

pytestmark = [pytest.mark.xdist_group("openapi"), pytest.mark.timeout(420)]


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return gateway_in(tmp_path)


def test_every_door_is_described_and_no_other(gateway: Gateway) -> None:
    """A route without a description, and a description without a route, fail here."""
    told = frozenset().union(*(openapi.described_operations(part) for part in parts(gateway)))
    assert told == openapi.operations(routes(gateway))


def test_the_published_document_is_this_one(gateway: Gateway) -> None:
    """``python -m tests.openapi.description`` writes docs/openapi.json anew."""
    assert DOCUMENT.read_text("utf-8") == document(gateway)


def test_only_what_is_open_is_told(gateway: Gateway) -> None:
    """A door that this configuration does not open is not in its document."""
    serves_http = frozenset({("get", "/healthz")})
    assert list(openapi.document(parts(gateway), serves_http)["paths"]) == ["/healthz"]


def test_two_guests_cannot_describe_the_same(gateway: Gateway) -> None:
    """A path that is described twice is a clear error."""
    serves_http = openapi.operations(routes(gateway))
    with pytest.raises(openapi.OpenApiConflict, match="/healthz"):
        openapi.document([openapi.core_part(), openapi.core_part()], serves_http)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """It answers all that comes, and ends as it should."""
    one = Served(tmp_path_factory.mktemp("served"))
    try:
        one.open()
        yield one
    finally:
        code = one.stop()
    assert code == 0
    assert "request.failed" not in one.told


@pytest.fixture(scope="module")
def proofs(served: Served) -> Proofs:
    return Proofs(served)


@SCHEMA.parametrize()
@bounds
def test_a_door_answers_as_described(
    case: schemathesis.Case, served: Served, proofs: Proofs
) -> None:
    """Whatever is sent with the right proof: an answer as described, and never a 500."""
    if str((case.query or {}).get("wait", "")).replace(".", "", 1).isdecimal():
        case.query["wait"] = "0.05"  # the answer is the same, and comes sooner
    case.call_and_validate(
        base_url=served.url,
        auth=proofs,
        allow_redirects=False,
        timeout=60,
        excluded_checks=LENIENT,
    )
