"""Review in a real browser: fifty cases by keys, and what must not happen on the way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response

from assay.store import HumanLabel, Role, Store
from bento.api.auth import SESSION_COOKIE
from bento.settings import Blur
from tests.bento import services
from tests.bento.console import queued
from tests.bento.services import Service
from tests.captures import eventually

GUARD = 150
"""Milliseconds after the picture in which keys are ignored, as review.js says."""
KEYS = [("a", "1"), ("m", "2"), ("s", "4"), ("m", "Enter"), ("a", "Enter")]
VOTES = [("authentic", "allow"), ("manipulated", "label"), ("synthesized", "remove"),
         ("manipulated", "label"), ("authentic", "allow")]  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

Moderator = Callable[..., Page]


@pytest.fixture(scope="module")
def desk(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder, store = tmp_path_factory.mktemp("seen"), {"audit_share": queued.AUDIT_SHARE}
    with services.running(
        served_model, folder, auth=True, store=store, blur=Blur.REMEMBER
    ) as running:
        yield running


@pytest.fixture(scope="module")
def address(desk: Service) -> Iterator[str]:
    with queued.on_loopback(desk) as url:
        yield url


@pytest.fixture
def store(desk: Service) -> Store:
    queued.empty(desk)
    return desk.runtime.store


@pytest.fixture
def moderator(desk: Service, address: str, browser: Browser) -> Iterator[Moderator]:
    """Opens Review as somebody; an error of a script, or of the policy, fails the test."""
    contexts: list[BrowserContext] = []
    refused: list[str] = []

    def opened(name: str = "ada", *, sees: str = "always", **options: Any) -> Page:
        accounts = desk.runtime.store.accounts
        account = accounts.ensure(name, Role.MODERATOR, "test")
        session = accounts.sign_in(accounts.new_link(account.id, "test")) or ""
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        contexts.append(browser.new_context(base_url=address, **options))
        contexts[-1].add_cookies([{"name": SESSION_COOKIE, "value": session, "url": address}])
        contexts[-1].add_init_script(f"localStorage.setItem('assay-show-graphic', '{sees}')")
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: refused.append(str(error)))
        page.on("console", lambda m: "Security Policy" in m.text and refused.append(m.text))
        page.goto("/review")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not refused


def on_screen(page: Page, before: str = "") -> str:
    """The case on screen, once it is another than ``before`` and takes keys."""
    page.wait_for_function(
        """before => {
          const shown = document.querySelector("[data-case]")?.dataset.case;
          const accepts = document.getElementById("decide").dataset.accepts;
          return shown && shown !== before && accepts === shown;
        }""",
        arg=before,
    )
    shown = page.locator("[data-case]").get_attribute("data-case")
    assert shown
    return shown


def test_fifty_cases_are_decided_by_keys(
    store: Store, moderator: Moderator, capsys: pytest.CaptureFixture[str]
):
    made = {queued.put(store).id for _ in range(50)}
    page, seen, case = moderator(), [], ""
    for number in range(50):
        case = on_screen(page, case)
        seen.append((page.locator("[data-case]").get_attribute("data-detection"), number % 5))
        for key in KEYS[number % 5]:
            page.keyboard.press(key)
    page.get_by_role("heading", name="The queue is empty").wait_for()
    assert eventually(lambda: store.review.backlog() == 0)
    assert {capture_id for capture_id, _ in seen} == made
    for capture_id, kind in seen:
        (vote,) = store.feedback.history(str(capture_id))
        assert (vote.label, vote.action) == VOTES[kind]
        assert vote.who == "ada"
    taken = page.evaluate(
        "performance.getEntriesByName('assay-next-case').map(one => one.duration)"
    )[1:]
    assert len(taken) == 49
    with capsys.disabled():
        sys.stdout.write(
            f"\nfrom the last key to the next picture: median {median(taken):.0f} ms, "
            f"p95 {quantiles(taken, n=20)[-1]:.0f} ms; keys count {GUARD} ms later\n"
        )
    assert min(taken) < 100


def test_a_key_pressed_twice_decides_one_case(store: Store, moderator: Moderator):
    for _ in range(4):
        queued.put(store)
    page = moderator()
    first = on_screen(page)
    for key in ("u", "u", "u"):
        page.keyboard.press(key, delay=0)
    second = on_screen(page, first)
    for key in ("m", "2", "m", "2", "k"):
        page.keyboard.press(key, delay=0)
    third = on_screen(page, second)
    assert eventually(lambda: store.review.backlog() == 3)  # an unsure case stays open
    held = {case.id for case in store.review.held("ada")}
    assert third in held
    assert not held & {first, second}


def test_decisions_are_undone_one_after_the_other(store: Store, moderator: Moderator):
    made = [queued.put(store) for _ in range(4)]
    page = moderator()
    first = on_screen(page)
    page.keyboard.type("m2")
    second = on_screen(page, first)
    page.keyboard.type("a1")
    third = on_screen(page, second)
    page.keyboard.press("z")
    assert on_screen(page, third) == second
    page.keyboard.press("z")
    assert on_screen(page, second) == first
    assert page.locator("[data-undo]").is_disabled()
    assert [store.feedback.decision(one.id) for one in made] == [None] * 4
    page.keyboard.type("s4")
    assert on_screen(page, first) == second
    assert eventually(lambda: store.review.backlog() == 3)


def test_an_audit_is_blind_on_the_wire(store: Store, moderator: Moderator):
    queued.put(store, is_audit=True, caption="An audit")
    page, answers = moderator(), list[Response]()
    on_screen(page)
    page.on("response", lambda answer: answers.append(answer))
    page.reload()
    on_screen(page)
    page.keyboard.press("h")
    page.keyboard.press("v")
    assert page.get_by_text("The verdict is hidden").is_visible()
    cases = [one for one in answers if "/review/" in one.url or "/v1/" in one.url]
    assert len(cases) >= 2
    for answer in cases:
        told = answer.body() if answer.status != 204 else b""
        telling = (b"Signs of", b"0.66", b"Local noise", b"heatmap")
        assert not [word for word in telling if word in told]
    page.keyboard.type("a1")
    said = "The model had said: Manipulated, score 0.66; you differ."
    page.locator("[data-last]", has_text=said).wait_for()


def test_two_browsers_never_show_the_same_case(store: Store, moderator: Moderator):
    for _ in range(12):
        queued.put(store)
    pages = {name: moderator(name) for name in ("ada", "bob")}
    shown = dict.fromkeys(pages, "")
    seen: list[str] = []
    for _ in range(5):
        for name, page in pages.items():
            shown[name] = on_screen(page, shown[name])
            seen.append(shown[name])
        for page in pages.values():
            page.keyboard.type("m2")
    assert len(set(seen)) == len(seen) == 10
    assert eventually(lambda: store.review.backlog() == 2)


def test_leaving_gives_back_what_was_not_looked_at(store: Store, moderator: Moderator):
    for _ in range(4):
        queued.put(store)
    page = moderator()
    shown = on_screen(page)
    assert eventually(lambda: len(store.review.held("ada")) == 3)
    page.goto("/static/0/mark.svg")
    assert eventually(lambda: [case.id for case in store.review.held("ada")] == [shown])
    page.goto("/review")
    assert on_screen(page) == shown


def test_a_case_that_somebody_took_meanwhile_is_told_and_left(store: Store, moderator: Moderator):
    for _ in range(3):
        queued.put(store)
    page = moderator()
    shown = on_screen(page)
    store.review.release(shown, "ada")
    store.review.take(shown, "bob")
    page.keyboard.type("m2")
    page.get_by_text("Somebody else has taken that case meanwhile").wait_for()
    assert on_screen(page, shown)
    assert [case.id for case in store.review.held("bob")] == [shown]


def test_a_vote_that_was_not_saved_comes_back(store: Store, moderator: Moderator):
    for _ in range(3):
        queued.put(store)
    page = moderator()
    first = on_screen(page)
    page.route("**/decision", lambda route: route.abort(), times=1)
    page.keyboard.type("m2")
    second = on_screen(page, first)
    page.get_by_text("Your vote was not saved").wait_for()
    page.keyboard.type("m2")
    assert on_screen(page, second) == first
    page.keyboard.type("m2")
    on_screen(page, first)
    assert eventually(lambda: store.review.backlog() == 1)


def test_a_blurred_picture_is_shown_before_it_is_judged(store: Store, moderator: Moderator):
    queued.put(store)
    page = moderator(sees="once")
    shown = on_screen(page)
    page.keyboard.type("m2")
    assert page.locator("[data-case]").get_attribute("data-case") == shown
    assert page.locator("[aria-pressed=true]").count() == 0
    page.keyboard.press("b")
    page.keyboard.type("m2")
    page.get_by_role("heading", name="The queue is empty").wait_for()
    assert page.evaluate("localStorage.getItem('assay-show-graphic')") == "always"


def test_always_showing_pictures_is_kept(store: Store, moderator: Moderator):
    for _ in range(2):
        queued.put(store)
    page = moderator(sees="once")
    first = on_screen(page)
    page.get_by_label("Always show").check()
    page.get_by_role("button", name="Show image").click()
    assert page.locator("assay-veil[data-veiled]").count() == 0
    assert page.evaluate("localStorage.getItem('assay-show-graphic')") == "always"
    page.keyboard.type("m2")
    on_screen(page, first)
    assert page.locator("assay-veil[data-veiled]").count() == 0


def test_views_zoom_reason_note_and_help_by_keys(store: Store, moderator: Moderator):
    made = queued.put(store)
    page = moderator()
    on_screen(page)
    page.keyboard.press("h")
    assert page.locator("assay-overlay").get_attribute("data-view") == "heatmap"
    page.keyboard.press("h")
    page.keyboard.type("++")
    assert page.locator("[data-zoom-level]").inner_text() == "156%"
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.type("m2")
    page.keyboard.press("Escape")
    page.keyboard.type("mrn")
    page.keyboard.type("seen before 2")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="The queue is empty").wait_for()
    assert eventually(lambda: store.review.backlog() == 0)
    vote = store.feedback.decision(made.id)
    assert vote is not None
    assert (vote.reason_code, vote.note) == ("synthetic_content", "seen before 2")


def test_a_cluster_is_counted_before_and_after(store: Store, moderator: Moderator):
    made = queued.put(store, uploads=3)
    page = moderator()
    on_screen(page)
    assert page.get_by_text("3 uploads of exactly this image").is_visible()
    page.keyboard.type("s2")
    page.get_by_text("Saved: Synthesized, label (3 uploads)").wait_for()
    decision = store.feedback.decision(made.id)
    assert decision is not None
    assert decision.label is HumanLabel.SYNTHESIZED
    page.keyboard.press("z")
    on_screen(page)
    assert store.feedback.decision(made.id) is None


def test_a_phone_decides_by_touch(store: Store, moderator: Moderator):
    made = [queued.put(store) for _ in range(2)]
    page = moderator(**PHONE)
    shown = on_screen(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("data-label=manipulated", "data-action=label"):
        button = page.locator(f"[{name}]")
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 24  # WCAG 2.2, target size
        assert 0 <= box["y"] < 844
        button.tap()
    on_screen(page, shown)
    page.locator("[data-undo]").tap()
    assert on_screen(page, "") == shown or on_screen(page, "")
    assert eventually(lambda: all(store.feedback.decision(one.id) is None for one in made))


def test_what_happens_is_told_to_screen_readers(store: Store, moderator: Moderator):
    for _ in range(2):
        queued.put(store, reach=1200)
    page = moderator()
    first = on_screen(page)
    said = page.locator("#said[role=status]")
    assert said.inner_text().startswith("Next case: The model is unsure")
    assert page.evaluate("document.activeElement.dataset.case") == first
    page.keyboard.press("m")
    assert "Manipulated" in said.inner_text()
    page.keyboard.press("2")
    second = on_screen(page, first)
    assert page.evaluate("document.activeElement.dataset.case") == second
