"""The console's pages: everything escaped, nothing inline, readable, and usable by keys."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jinja2 import UndefinedError
from PIL import Image
from playwright.sync_api import Browser, Page

from bento.console import assets, rendering
from tests.bento.console import samples

TEMPLATES = sorted(rendering.TEMPLATES.rglob("*.html"))
PAGES = sorted(samples.values("x"))
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
INLINE = re.compile(r"""\sstyle\s*=|<style|\son\w+\s*=\s*["']|hx-on|"js:|javascript:""")
POSTED: list[tuple[str, str, bytes]] = []
"""Path, token and body of what the pages sent."""
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
COLOURS = dict(
    re.findall(
        r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", (assets.STATIC / "assay.css").read_text()
    )
)


class Tags(HTMLParser):
    """Every element's name with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page_of(name: str, text: str = "plain") -> str:
    return rendering.render(name, **samples.values(text)[name])


@pytest.mark.parametrize("name", PAGES)
def test_hostile_values_are_shown_and_never_interpreted(name: str):
    plain, evil = (Tags(page_of(name, text)).found for text in ("plain", EVIL))
    assert [tag for tag, _ in evil] == [tag for tag, _ in plain]
    assert [sorted(attributes) for _, attributes in evil] == [
        sorted(attributes) for _, attributes in plain
    ]


@pytest.mark.parametrize("name", ["card.html", "case.html", "history.html", "error.html"])
def test_hostile_values_reach_the_page(name: str):
    assert "&lt;script&gt;alert(1)" in page_of(name, EVIL)


def test_a_post_is_linked_only_if_it_is_on_the_web():
    values = samples.values("x")["card.html"] | {"post_url": "javascript:alert(1)"}
    links = [a.get("href") or "" for _, a in Tags(rendering.render("card.html", **values)).found]
    assert not [link for link in links if link.startswith("javascript")]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_templates_hold_nothing_inline(file: Path):
    source = file.read_text(encoding="utf-8")
    assert not INLINE.search(source)
    assert "/static/" not in source  # `static_url` knows the version
    assert all(
        re.search(r"\ssrc=\"{{ static_url\(", tag) for tag in re.findall(r"<script[^>]*>", source)
    )
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", source)
    assert "| safe" not in source


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_templates_begin_with_their_contract(file: Path):
    assert file.read_text(encoding="utf-8").startswith("{# ")


def test_a_missing_value_is_an_error():
    with pytest.raises(UndefinedError):
        rendering.render("error.html", **samples.frame("x"))


@pytest.mark.parametrize("label", rendering.HEADLINES)
def test_a_verdict_is_plain_and_says_what_is_not_checked(label: str):
    detection = samples.detection("x") | {"label": label}
    html = rendering.render("card.html", **samples.about(detection))
    assert rendering.HEADLINES[label] in html
    assert rendering.NOT_CHECKED in html
    assert not re.search(r"\b(?:fake|true)\b", re.sub(r"<[^>]*>", "", html), re.IGNORECASE)


def test_an_audit_hides_verdict_evidence_and_heatmap():
    values = samples.values("x")["case.html"]
    audit = values | {"case": values["case"] | {"is_audit": True}}
    audit["detection"] = {"id": "d1"}
    html = rendering.render("case.html", **audit)
    assert "The verdict is hidden" in html
    assert "heatmap" not in html
    assert "/v1/detections/d1/image" in html


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [(ink, ground, 4.5) for ink in ("ink", "dim", "accent") for ground in ("ground", "surface")]
    + [(tone, "surface", 4.5) for tone in ("clear", "edited", "made", "alarm", "neutral")]
    + [(t, f"{t}-soft", 4.5) for t in ("clear", "edited", "made", "alarm", "neutral")]
    + [("ink", f"{t}-soft", 4.5) for t in ("edited", "alarm", "neutral")]
    + [("dim", "neutral-soft", 4.5), ("dim", "sunken", 4.5), ("on-accent", "accent-fill", 4.5)]
    + [("control", "surface", 3.0), ("control", "ground", 3.0)],
)
def test_colours_reach_aa(ink: str, ground: str, least: float, scheme: int):
    one, other = (COLOURS[name].split(", ")[scheme] for name in (ink, ground))
    assert contrast(one, other) >= least


def test_vendored_files_are_what_their_packages_held():
    folder = assets.STATIC / "vendor"
    listed = re.findall(
        r"^\| `([\w.]+)` .*`(\w{64})` \|$", (folder / "VENDORED.md").read_text(), re.MULTILINE
    )
    assert {name for name, _ in listed} == {"htmx.min.js", "pico.min.css"}
    for name, digest in listed:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-9, "just now"), (1, "just now"), (61, "1 minute ago"), (190, "3 minutes ago"),
     (7300, "2 hours ago"), (86400 * 40, "1 month ago"), (86400 * 800, "2 years ago")],
)  # fmt: skip
def test_ago_reads_as_people_say_it(seconds: float, words: str):
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    then = now - timedelta(seconds=seconds)
    assert rendering.ago(then, now) == rendering.ago(then.isoformat(), now)
    assert f'title="{then:%Y-%m-%d %H:%M:%S} UTC">{words}</time>' in rendering.ago(then, now)


@pytest.mark.parametrize(
    ("rate", "words", "length"),
    [(0.0, "fewer than 1 in 1000", 1.0), (0.01, "1 in 100 ", 2 / 3), (0.031, "1 in 32 ", 0.5029),
     (0.7, "most authentic", 0.0516)],
)  # fmt: skip
def test_a_false_alarm_rate_is_told_in_counts(rate: float, words: str, length: float):
    assert rendering.rarity(rate).startswith(words)
    assert rendering.strength(rate) == pytest.approx(length, abs=1e-3)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Files(SimpleHTTPRequestHandler):
    """Static files and rendered pages under the console's policy."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_POST(self) -> None:
        """Answers as the service would, and keeps what came."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        POSTED.append((self.path, self.headers["X-CSRF-Token"], body))
        answer = json.dumps({"id": "d1", "feedback": 7, "sentence": "Saved."}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A folder with every page, its static files and its pictures, served on loopback."""
    root = tmp_path_factory.mktemp("site")
    (root / "static").mkdir()
    (root / "static" / assets.version()).symlink_to(assets.STATIC)
    for name in PAGES:
        (root / name).write_text(page_of(name), encoding="utf-8")
    picture = Image.fromarray(np.full((90, 120, 3), 120, np.uint8))
    at = samples.detection("x")
    pictures = [rendering.view_url(at["id"], view) for view in rendering.VIEWS]
    pictures += [f"/v1/detections/{at['id']}/siblings/s1/{side}.png" for side in ("this", "other")]
    for url in pictures:
        file = root / url.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file, "PNG")
    (root / "detections" / "d1").mkdir(parents=True, exist_ok=True)
    (root / "detections" / "d1" / "card").write_text(page_of("card.html"), encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[[str], Page]]:
    """Opens a page by its template's name; what the policy refuses fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    refused: list[str] = []
    POSTED.clear()
    page = context.new_page()
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.on("console", lambda m: "Security Policy" in m.text and refused.append(m.text))

    def opened(name: str) -> Page:
        page.goto(f"{address}/{name}")
        return page

    yield opened
    context.close()
    assert not refused


@pytest.mark.parametrize("name", sorted({*PAGES} - samples.FRAGMENTS - {"demo.html"}))
def test_pages_fit_a_phone_under_the_policy(visit: Callable[[str], Page], name: str):
    assert visit(name).evaluate("document.documentElement.scrollWidth") <= 390


def test_the_sliders_move_by_keys(visit: Callable[[str], Page]):
    page = visit("detection.html")
    page.locator("[data-show=original]").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("[data-layer=heatmap]").is_visible()
    page.locator("[data-opacity]").focus()
    page.keyboard.press("Home")
    assert page.locator("[data-layer=heatmap]").evaluate("e => getComputedStyle(e).opacity") == "0"
    page.locator(".sibling assay-compare input").focus()
    page.keyboard.press("End")
    over = page.locator(".sibling .pair .over")
    assert over.evaluate("e => getComputedStyle(e).clipPath") == "inset(0px 0% 0px 0px)"


def test_the_picture_zooms_by_keys(visit: Callable[[str], Page]):
    page = visit("detection.html")
    page.locator("assay-zoom").focus()
    page.keyboard.press("+")
    assert page.locator("[data-zoom-level]").inner_text() == "125%"
    page.keyboard.press("0")
    assert page.locator("[data-zoom-level]").inner_text() == "100%"


def test_the_theme_changes_and_is_kept(visit: Callable[[str], Page]):
    page = visit("error.html")
    page.locator("[data-theme-toggle]").click()
    chosen = page.locator("html").get_attribute("data-theme")
    assert chosen == "dark"
    assert visit("sign_in.html").locator("html").get_attribute("data-theme") == chosen


def test_an_image_is_sent_with_the_token_and_its_card_is_shown(visit: Callable[[str], Page]):
    page = visit("check.html")
    picture = assets.STATIC / "mark.svg"
    page.locator("#files").set_input_files([picture, picture])
    page.locator("[data-detection=d1]").nth(1).wait_for()
    assert [(path, token) for path, token, _ in POSTED] == [("/v1/detect", "plain")] * 2
    assert b'name="file"; filename="mark.svg"' in POSTED[0][2]
    assert page.locator("#uploads li").count() == 0
