"""The OpenAPI document is true: it has every route, and the routes answer as it says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
)

from gateway.app import Gateway, routes
from gateway.web import openapi
from gateway.web.errors import CATCH_ALL, is_catch_all

from .description import DOCUMENT, build_gateway_in, document, parts
from .serving import Authentication, GatewayProcess

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "10"))
"""Requests for each operation, besides those at the edges of its schemas."""
LENIENT = [
    # A provider may send more and other fields than it documents, and is not refused for that;
    # and a schema cannot express all that a message needs.
    negative_data_rejection,
    positive_data_acceptance,
    # Each request here has valid credentials. The tests of each channel send wrong and missing
    # ones.
    ignored_auth,
    missing_required_header,
]
EXCLUDED = ["webchat.socket", "desk.live", "desk.sign-out", "desk.sign-out-everywhere", "readyz"]
"""A socket, a stream, what would end the sessions of all other requests, and ``/readyz``, which
answers 503 here because no provider can be reached."""

SCHEMA = schemathesis.openapi.from_path(DOCUMENT).exclude(operation_id=EXCLUDED)
bounds = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

pytestmark = [pytest.mark.xdist_group("openapi"), pytest.mark.timeout(420)]


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return build_gateway_in(tmp_path)


def test_every_route_is_described_and_no_other(gateway: Gateway) -> None:
    """A route without a description fails here, and so does a description without a route."""
    served = openapi.operations(routes(gateway))  # first: the desk then knows other plugins' pages
    described = frozenset().union(*(openapi.described_operations(part) for part in parts(gateway)))
    assert described == served


def test_only_a_route_for_all_other_paths_is_left_out() -> None:
    """``{any}`` alone is a name like any other."""

    async def handle(_: web.Request) -> web.Response:
        raise NotImplementedError

    found = [web.get(f"/files{end}", handle) for end in ("/{any}", CATCH_ALL)]
    assert openapi.operations(found) == {("get", "/files/{any}")}
    assert [is_catch_all(route.path) for route in found] == [False, True]


def test_the_published_document_is_up_to_date(gateway: Gateway) -> None:
    """``python -m tests.openapi.description`` writes docs/openapi.json."""
    assert DOCUMENT.read_text("utf-8") == document(gateway)


def test_only_routes_that_exist_are_in_the_document(gateway: Gateway) -> None:
    """A route that this configuration does not open is left out."""
    served = frozenset({("get", "/healthz")})
    assert list(openapi.document(parts(gateway), served)["paths"]) == ["/healthz"]


def test_describing_a_path_twice_is_an_error(gateway: Gateway) -> None:
    """The error names the path."""
    served = openapi.operations(routes(gateway))
    with pytest.raises(openapi.OpenApiConflict, match="/healthz"):
        openapi.document([openapi.core_part(), openapi.core_part()], served)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A server that handles all requests without an unexpected error, and exits 0."""
    process = GatewayProcess(tmp_path_factory.mktemp("served"))
    try:
        process.wait_ready()
        yield process
    finally:
        code = process.stop()
    assert code == 0
    assert "request.failed" not in process.log


@pytest.fixture(scope="module")
def authentication(process: GatewayProcess) -> Authentication:
    return Authentication(process)


@SCHEMA.parametrize()
@bounds
def test_routes_answer_as_described(
    case: schemathesis.Case, process: GatewayProcess, authentication: Authentication
) -> None:
    """Any request with valid credentials gets an answer as described, and never a 500."""
    if str((case.query or {}).get("wait", "")).replace(".", "", 1).isdecimal():
        case.query["wait"] = "0.05"  # the same answer, sooner
    case.call_and_validate(
        base_url=process.url,
        auth=authentication,
        allow_redirects=False,
        timeout=60,
        excluded_checks=LENIENT,
    )
