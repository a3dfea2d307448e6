"""What a page of another site can make somebody's browser ask for: nothing that counts."""

from __future__ import annotations

import pytest

from assay.store import Scope
from tests.bento import services
from tests.bento.people import People
from tests.bento.services import Service


@pytest.fixture
def people(service: Service) -> People:
    """Those who are signed in, beside a client that needs no key."""
    return People(service)


FOREIGN = ("cross-site", "same-site")


def _asked_by(site: str, mode: str) -> dict[str, str]:
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}


@pytest.mark.parametrize("site", FOREIGN)
@pytest.mark.parametrize("mode", ["no-cors", "navigate"])
def test_foreign_pages_claim_no_case(
    service: Service, people: People, site: str, mode: str
) -> None:
    found = service.detected(services.photo(930))
    service.client.post(f"/v1/detections/{found['id']}/report", json={"reason": "fake"})
    for client in (service.client, people.account("ada")):
        answer = client.get("/v1/review", headers=_asked_by(site, mode))
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_links_from_elsewhere_lead_to_pages_but_pictures_do_not(
    service: Service, people: People
) -> None:
    ada = people.account("ada")
    assert ada.get("/", headers=_asked_by("cross-site", "navigate")).status_code == 200
    assert ada.get("/review", headers=_asked_by("cross-site", "no-cors")).status_code == 403


def test_own_pages_and_addresses_typed_by_hand_are_served(service: Service) -> None:
    for site in ("same-origin", "none"):
        headers = _asked_by(site, "cors")
        assert service.client.get("/v1/model", headers=headers).status_code == 200


def test_a_key_counts_wherever_it_comes_from(service: Service, people: People) -> None:
    platform = people.key("platform", Scope.READ)
    headers = _asked_by("cross-site", "cors")
    assert platform.get("/v1/model", headers=headers).status_code == 200
