"""Links work once and for people only; sessions are cookies; forms need their token."""

from __future__ import annotations

import logging

import pytest
from starlette.testclient import TestClient

from assay.store import Role
from bento.api.auth import CSRF_HEADER, SESSION_COOKIE
from bento.console.pages import local_path
from tests.bento.console.conftest import SignedIn, link_for, text_of
from tests.bento.services import Service


def test_pages_send_strangers_to_sign_in_and_back(stranger: TestClient):
    answer = stranger.get("/?days=7")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/%3Fdays%3D7"
    assert 'name="next" value="/?days=7"' in text_of(stranger.get(answer.headers["location"]))


def test_scripts_without_a_session_are_told_so(stranger: TestClient):
    answer = stranger.get("/", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_looking_at_a_link_does_not_use_it_up(desk: Service, stranger: TestClient):
    link = link_for(desk, "grace")
    for _ in range(3):
        assert f'action="{link}"' in text_of(stranger.get(link))
    answer = stranger.post(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/"))
    assert "Secure" not in cookie  # on this machine there is no TLS
    assert "grace" in text_of(stranger.get("/"))


def test_a_used_link_says_how_to_get_one(desk: Service, stranger: TestClient):
    link = link_for(desk, "grace")
    stranger.post(link)
    told = text_of(stranger.post(link), 403)
    assert "used before" in told
    assert "python -m assay accounts link NAME" in told


def test_a_pasted_link_leads_to_where_one_was_going(desk: Service, stranger: TestClient):
    link = f" http://127.0.0.1:3000{link_for(desk, 'grace')}\n"
    answer = stranger.post("/sign-in", data={"link": link, "next": "/history?label=manipulated"})
    assert answer.headers["location"] == "/history?label=manipulated"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\t//evil.example", "evil", "",
     "/\n/evil.example", "javascript:alert(1)"],
)  # fmt: skip
def test_one_is_never_led_elsewhere(target: str):
    assert local_path(target) == "/"


def test_another_site_cannot_sign_people_in(desk: Service, stranger: TestClient):
    link = link_for(desk, "mallory")
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert stranger.post(link, headers=headers).status_code == 403
    assert SESSION_COOKIE not in stranger.cookies
    assert stranger.post(link, headers={"Origin": "http://127.0.0.1:3000"}).status_code == 303


def test_guessing_is_slowed_down(desk: Service, stranger: TestClient):
    desk.app.state.sign_in_failures.__init__()
    answers = [stranger.post(f"/sign-in/{'x' * 20}{n}") for n in range(11)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 901
    assert "too many" in answers[-1].text
    desk.app.state.sign_in_failures.__init__()


def test_signing_out_ends_the_session(signed_in: SignedIn):
    client = signed_in()
    session = client.cookies[SESSION_COOKIE]
    assert client.post("/sign-out").headers["location"] == "/sign-in"
    client.cookies.set(SESSION_COOKIE, session)
    assert client.get("/").status_code == 303


def test_a_form_needs_the_token_of_its_session(signed_in: SignedIn):
    client, other = signed_in("ada"), signed_in("grace")
    own, foreign = client.headers.pop(CSRF_HEADER), other.headers[CSRF_HEADER]
    for data in ({}, {"csrf_token": foreign}):
        assert client.post("/sign-out", data=data).status_code == 403
    assert client.post("/sign-out", data={"csrf_token": own}).status_code == 303


def test_an_error_is_a_page_in_the_frame_of_whoever_looks(signed_in: SignedIn):
    told = text_of(signed_in("ada").get("/no-such-page"), 404)
    assert "no_such_route" in told
    assert signed_in("ada").get("/no-such-page", headers={"Accept": "*/*"}).json()["code"]


def test_a_disabled_account_is_out_at_once(desk: Service, signed_in: SignedIn):
    client = signed_in("leaver", Role.VIEWER)
    assert client.get("/").status_code == 200
    accounts = desk.runtime.store.accounts
    accounts.disable(accounts.ensure("leaver", Role.VIEWER, "test").id, "test")
    assert client.get("/").status_code == 303


def test_the_log_never_holds_a_link(
    desk: Service, stranger: TestClient, caplog: pytest.LogCaptureFixture
):
    link = link_for(desk, "grace")
    with caplog.at_level(logging.INFO, "assay.requests"):
        stranger.get(link)
    lines = [one.getMessage() for one in caplog.records if one.name.startswith("assay")]
    assert any("/sign-in/" in line for line in lines)
    assert not any(link.removeprefix("/sign-in/") in line for line in lines)
