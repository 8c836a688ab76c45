"""The description of our HTTP doors is true: it names each of them, and they answer as it says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from schemathesis.schemas import BaseSchema

from gateway.app import Gateway
from gateway.guests import Guests, installed
from gateway.settings import load
from gateway.web import openapi

from .serving import CONFIG, SECRETS, Proofs, Served

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "10"))
"""Requests for each operation, besides those at the edges of its schemas."""
LENIENT = ("negative_data_rejection", "ignored_auth")
"""A provider may send more and other than it documents, and must not be refused for that; what a
wrong or missing proof gets has its own tests beside each channel."""

pytestmark = pytest.mark.xdist_group("openapi")


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """Every door, not yet open."""
    file = tmp_path / "warmline.yaml"
    file.write_text(yaml.safe_dump({**CONFIG, "data_dir": str(tmp_path / "var")}), "utf-8")
    return Gateway(Guests(installed()), load(file, Guests(installed()).declared(), SECRETS))


def _parts(gateway: Gateway) -> list[openapi.Part]:
    offers = gateway.offers
    guests = openapi.described((*offers.channels.values(), *offers.sites))
    return [openapi.house(), *guests]


def test_every_door_is_described_and_no_other(gateway: Gateway) -> None:
    """A route without a description, and a description without a route, fail here."""
    told = frozenset().union(*(openapi.operations(part) for part in _parts(gateway)))
    assert told == openapi.served(gateway.routes())


def test_only_what_is_open_is_told(gateway: Gateway) -> None:
    """A door that this configuration does not open is not in its document."""
    doors = frozenset({("get", "/healthz")})
    assert list(openapi.document(_parts(gateway), doors)["paths"]) == ["/healthz"]


def test_two_guests_cannot_describe_the_same(gateway: Gateway) -> None:
    """A path that is described twice is a clear error."""
    doors = openapi.served(gateway.routes())
    with pytest.raises(openapi.Clash, match="/healthz"):
        openapi.document([openapi.house(), openapi.house()], doors)


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


@pytest.fixture(scope="module")
def api(served: Served) -> BaseSchema:
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    schema.validate()
    return schema.exclude(operation_id=["webchat.socket", "desk.live", "desk.sign-out"])


schema = schemathesis.pytest.from_fixture("api")
bounds = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.timeout(600)
@schema.parametrize()
@bounds
def test_a_door_answers_as_described(case: schemathesis.Case, proofs: Proofs) -> None:
    """Whatever is sent with the right proof: an answer as described, and never a 500."""
    case.call_and_validate(
        auth=proofs, allow_redirects=False, timeout=60, excluded_checks=CHECKS.get_by_names(LENIENT)
    )
