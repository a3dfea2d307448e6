"""A walk through the console in a real browser; its pictures are left in pytest's folder."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Browser, Page, expect

from assay import images
from tests.bento import services
from tests.bento.console.queued import on_loopback
from tests.scenes import scene

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
FILE = {"name": "harbour.jpg", "mimeType": "image/jpeg"}
PATIENCE = 60_000
PASTE = """encoded => {
    const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], "", { type: "image/jpeg" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}"""


@pytest.fixture(scope="module")
def address(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service for whoever asks from this machine, that draws no audits."""
    folder = tmp_path_factory.mktemp("walk")
    with (
        services.running(served_model, folder, store={"audit_share": 0.0}) as service,
        on_loopback(service) as url,
    ):
        yield url


class Walk:
    """One tab; whatever its console, its policy or its server complain of is kept."""

    def __init__(self, browser: Browser, address: str, folder: Path, **looks: object) -> None:
        context = browser.new_context(base_url=address, **looks)
        context.set_default_timeout(PATIENCE)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.folder = folder
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda m: m.type == "error" and self.complaints.append(m.text))

    def picture(self, name: str) -> None:
        """Keep what is to be seen, from the top of the page to its end."""
        self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=self.folder / f"{name}.png", full_page=True)

    def fits(self) -> bool:
        """Whether nothing reaches beyond the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.fixture
def walk(browser: Browser, address: str, tmp_path: Path) -> Iterator[Walk]:
    walking = Walk(browser, address, tmp_path, viewport=DESK)
    yield walking
    walking.page.context.close()
    assert not walking.complaints


def test_images_are_checked_however_they_come(walk: Walk):
    page = walk.page
    page.goto("/")
    picture = scene(61, 300, 450)
    changed = picture.copy()
    cv2.circle(changed, (150, 140), 40, (250, 240, 20), -1)
    page.locator("#files").set_input_files(FILE | {"buffer": images.encode_jpeg(picture, 92)})
    expect(page.locator(".card")).to_have_count(1, timeout=PATIENCE)
    page.evaluate(PASTE, base64.b64encode(images.encode_jpeg(changed, 92)).decode())
    expect(page.locator(".card")).to_have_count(2, timeout=PATIENCE)
    expect(page.locator(".card").first.locator(".sibling")).to_have_count(1)
    page.locator("#address input").fill("http://127.0.0.1:9/secret.jpg")
    page.get_by_role("button", name="Check", exact=True).click()
    failed = page.locator(".upload.is-failed")
    expect(failed).to_contain_text("127.0.0.1")
    expect(failed.get_by_role("button", name="Try again")).to_be_visible()
    assert ["400 (Bad Request)" in told for told in walk.complaints] == [True]
    walk.complaints.clear()
    page.locator(".sibling").first.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    walk.picture("check")


def test_a_detection_is_looked_into_by_keys_and_decided(walk: Walk):
    page = walk.page
    page.goto(f"/detections/{newest(page)}")
    page.locator("[data-show=original]").focus()
    page.keyboard.press("ArrowRight")
    heatmap = page.locator("[data-layer=heatmap]")
    expect(heatmap).to_be_visible()
    assert heatmap.evaluate("e => e.decode().then(() => e.naturalWidth)") > 0
    slider = page.locator("[data-opacity]")
    slider.focus()
    before = heatmap.evaluate("e => getComputedStyle(e).opacity")
    page.keyboard.press("ArrowRight")
    assert float(heatmap.evaluate("e => getComputedStyle(e).opacity")) > float(before)
    walk.picture("detection")
    page.get_by_label("Manipulated").check()
    page.get_by_label("Action").select_option("label")
    page.get_by_role("button", name="Record").click()
    expect(page.locator("#decisions")).to_contain_text("label")


def test_history_filters_without_leaving_and_shows_thumbnails(walk: Walk):
    page = walk.page
    page.goto("/history")
    page.get_by_label("Person said").select_option("undecided")
    page.wait_for_url("**/history?*human=undecided*")
    undecided = page.locator("tbody tr").count()
    page.get_by_label("Person said").select_option("manipulated")
    page.wait_for_url("**/history?*human=manipulated*")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert undecided >= 1
    small = page.locator(".thumb img").first
    assert small.evaluate("e => e.decode().then(() => e.naturalWidth)") == 192
    page.get_by_label("Person said").select_option("")
    expect(page.locator("tbody tr").nth(1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    walk.picture("history")


def test_the_overview_draws_its_charts(walk: Walk):
    page = walk.page
    page.goto("/overview?days=7")
    expect(page.locator(".chart svg g")).to_have_count(7)
    page.get_by_role("link", name="30 days").click()
    expect(page.locator(".chart svg g")).to_have_count(30)
    walk.picture("overview")


def test_a_platforms_page_shows_its_notices(walk: Walk):
    page = walk.page
    page.goto("/demo")
    page.get_by_role("button", name="Make the posts").click()
    expect(page.locator(".post")).to_have_count(3, timeout=PATIENCE)
    frame = page.frame_locator(".post iframe.told")
    expect(frame.get_by_role("note")).to_contain_text("Warning")
    for photo in page.locator(".post img").all():
        assert photo.evaluate("e => e.decode().then(() => e.naturalWidth)") > 0
    page.locator(".post").last.screenshot(path=walk.folder / "warning.png")
    walk.picture("demo")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_in_light_and_dark(
    browser: Browser, address: str, tmp_path: Path, size: dict[str, int], scheme: str
):
    walk = Walk(browser, address, tmp_path, viewport=size, color_scheme=scheme)
    page = walk.page
    page.goto("/")
    paths = {
        "check": "/", "detection": f"/detections/{newest(page)}", "history": "/history",
        "overview": "/overview", "demo": "/demo", "sign-in": "/sign-in", "error": "/nowhere",
    }  # fmt: skip
    for name, path in paths.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert walk.fits(), name
        walk.picture(name)
    page.context.close()
    assert [told for told in walk.complaints if "404" not in told] == []


def newest(page: Page) -> str:
    """The detection that was checked last."""
    page.goto("/history")
    link = page.locator("tbody td a").first.get_attribute("href") or ""
    return link.rpartition("/")[2]
