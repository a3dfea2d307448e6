"""The newest window on the Overview, and its stored pages, behind the sign-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from assay.store.monitor_tables import WindowRow
from assay.store.windows import Window
from tests.bento.console.conftest import SignedIn, text_of
from tests.bento.services import Service
from tests.store.test_windows import numbers

PAGES = {"report": "<p>moved</p>", "trend": "<p>trend</p>", "evidently": "<script>1</script>"}


@pytest.fixture
def window(desk: Service) -> Iterator[Window]:
    store = desk.runtime.store
    yield store.windows.add(numbers(), "recalibrate", ["Scores say too much."], pages=PAGES)
    with store.database.writing() as session:
        session.execute(sa.delete(WindowRow))


def test_overview_links_the_pages_of_the_newest_window(signed_in: SignedIn, window: Window):
    html = text_of(signed_in().get("/overview"))
    assert "1 of 1 column moved." in html
    assert "Decision: recalibrate" in html
    for name in PAGES:
        assert f'href="/monitor/{window.id}/{name}"' in html


def test_overview_says_that_nothing_was_measured(signed_in: SignedIn):
    assert "No window of traffic was measured yet." in text_of(signed_in().get("/overview"))


@pytest.mark.parametrize("name", PAGES)
def test_page_is_served_as_it_was_stored_and_reaches_nothing(
    signed_in: SignedIn, window: Window, name: str
):
    answer = signed_in().get(f"/monitor/{window.id}/{name}")
    assert (answer.status_code, answer.text) == (200, PAGES[name])
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert ("script-src" in policy) == ("sandbox allow-scripts" in policy) == (name == "evidently")


@pytest.mark.parametrize("path", ["nowhere/report", "{}/other"])
def test_what_there_is_not_is_not_found(signed_in: SignedIn, window: Window, path: str):
    assert signed_in().get(f"/monitor/{path.format(window.id)}").status_code in (404, 422)


def test_strangers_see_no_page(stranger: TestClient, window: Window):
    answer = stranger.get(f"/monitor/{window.id}/report")
    assert answer.status_code == 303
    assert "moved" not in answer.text
