"""A small AMMeBa: its real columns, pictures of the bundled photographs, on badly kept servers.

    with image_server.running(hosts=3) as server:
        made = ammeba_set.build(folder, server)
        sources.create("ammeba", {"path": folder, "download": made.download})

Run as a module it serves a set until it is stopped, for a run by hand:
    python -m tests.ammeba_set FOLDER --pictures 100 --side 256
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from PIL import Image

from assay import images, manipulations, plugins
from assay.manipulations import Manipulation
from assay.records import Pixels
from assay.sources.photos import Photos
from tests import image_server
from tests.ammeba import csvs
from tests.image_server import Reply, Server

FIRST_DAY = date(2016, 3, 1)
DAYS_APART = 9
PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "china", "coffee", "coins", "flower", "rocket")
EDITS = ("splice", "copy_move", "inpaint", "retouch")
_ARTICLE = "https://checkers.example/{number}"


@dataclass
class AmmebaSet:
    """What was written and is served."""

    folder: Path
    server: Server
    dropped: Counter[str] = field(default_factory=Counter)
    """Expected rejections by the reason's first words."""
    labels: dict[str, str] = field(default_factory=dict)
    """Expected label by image_id."""
    originals: dict[str, str] = field(default_factory=dict)
    """The original of each edit that has one, both by image_id."""
    rows: list[csvs.Row] = field(default_factory=list)
    images: list[csvs.Row] = field(default_factory=list)
    articles: list[csvs.Row] = field(default_factory=list)

    @property
    def download(self) -> dict[str, Any]:
        """Options of the downloads that may ask this server, and wait for nobody long."""
        return {
            "outbound": self.server.outbound.model_dump(mode="json"),
            "pause_seconds": 0.0,
            "attempts": 2,
            "backoff_seconds": 0.01,
            "per_host": 4,
            "workers": 1,
        }

    def image(self, pixels: Pixels, reply: Reply | None = None, **cells: object) -> str:
        """List and serve a picture; ``cells`` replace what its row says. Returns its image_id."""
        data = images.encode_jpeg(pixels, 90)
        image_id = hashlib.sha224(data + len(self.images).to_bytes(4, "big")).hexdigest()
        path = f"/{image_id}.jpg"
        self.server.replies[path] = reply or image_server.image(data)
        picture = Image.fromarray(images.decode(data).pixels)
        facts: dict[str, object] = {
            "image_id": image_id,
            "mime": "image/jpeg",
            "height": f"{pixels.shape[0]}.0",
            "width": f"{pixels.shape[1]}.0",
            "image_size_bytes": len(data),
            "url": self.server.url(path, len(self.images) % len(self.server.hosts)),
            "average_hash": str(imagehash.average_hash(picture)),
            "phash": str(imagehash.phash(picture)),
            "colorhash": str(imagehash.colorhash(picture)),
        }
        self.images.append(facts | cells)
        return image_id

    def judged(self, image_id: str, day: date | None, **flags: object) -> None:
        """A row of stage_2 with an article of its own; ``flags`` are its other cells."""
        article = _ARTICLE.format(number=len(self.articles))
        self.articles.append(
            {
                "fact_check_url": article,
                "review_date": f"{day:%Y-%m-%d}" if day else "",
                "fact_check_title": f"No, this is not so, {len(self.articles)}",
            }
        )
        row: dict[str, object] = {
            "fact_check_url": article,
            "image_id": image_id,
            "submission_time": "2023.02.23 12:59:21",
            "disqualified": False,
            "atypical_manipulation": False,
            "image_type": "basic",
        }
        self.rows.append(row | flags)

    def write(self) -> None:
        csvs.written(self.folder, self.rows, self.images, self.articles)


def build(folder: Path, server: Server, pictures: int = 40, side: int = 128) -> AmmebaSet:
    """``pictures`` good rows over the years, some originals beside them, and one of each fault."""
    made = AmmebaSet(folder, server)
    crops = _crops(side)
    for number in range(pictures):
        _add_good(made, crops, number, FIRST_DAY + timedelta(DAYS_APART * number))
    _add_faults(made, crops, FIRST_DAY + timedelta(DAYS_APART * (pictures // 2)))
    made.write()
    return made


def with_images(folder: Path, pictures: Sequence[Pixels]) -> AmmebaSet:
    """``pictures`` as authentic images that lie beside the csv files, so that nothing is asked."""
    made = AmmebaSet(folder, Server(hosts=1))
    (folder / "images").mkdir()
    for number, pixels in enumerate(pictures):
        image_id = made.image(pixels, url="")
        made.judged(image_id, FIRST_DAY + timedelta(number), content_manipulation="false")
        (folder / "images" / f"{image_id}.png").write_bytes(images.encode_png(pixels))
    made.write()
    return made


def _crops(side: int) -> Iterator[Pixels]:
    for sample in Photos(crop_size=side, photographs=PHOTOGRAPHS).fetch():
        yield images.decode(sample.image).pixels


def _edited(name: str, pixels: Pixels, donor: Pixels, seed: int) -> Pixels:
    edit = plugins.find(manipulations.__name__, Manipulation, name)()  # type: ignore[type-abstract]
    return edit.apply(pixels, donor, np.random.default_rng(seed))[0]


def _add_good(made: AmmebaSet, crops: Iterator[Pixels], number: int, day: date) -> None:
    """Authentic, under a false caption, edited with and without its original, and synthesized."""
    pixels = next(crops)
    kind = number % 5
    if kind == 0:
        image_id, label = made.image(pixels), "authentic"
        flags: dict[str, object] = {"content_manipulation": "false", "context_manipulation": "true"}
        made.judged(image_id, day, **flags, location_manipulation="true")
    elif kind == 1:
        image_id, label = made.image(pixels), "authentic"
        made.judged(image_id, day, content_manipulation="False")
    elif kind == 2:
        image_id, label = made.image(_edited("resynthesis", pixels, pixels, number)), "synthesized"
        made.judged(image_id, day, content_manipulation="true", ai_manipulation="True")
    else:
        edited = _edited(EDITS[number % len(EDITS)], pixels, next(crops), number)
        image_id, label = made.image(edited), "manipulated"
        original = made.image(pixels) if kind == 3 else ""
        if original:
            made.labels[original], made.originals[image_id] = "authentic", original
        made.judged(image_id, day, content_manipulation="true", premanipulation_image_id=original)
    made.labels[image_id] = label


def _add_faults(made: AmmebaSet, crops: Iterator[Pixels], day: date) -> None:
    """One row of each kind that is dropped, and some that look bad and are good."""
    good = {"content_manipulation": "false"}
    server, other = made.server, images.encode_jpeg(next(crops), 90)

    def dropped(kind: str, image_id: str, when: date | None = day, **flags: object) -> None:
        made.dropped[kind] += 1
        made.judged(image_id, when, **(good | flags))

    for kind, reply in (
        ("dead link", image_server.dead()),
        ("dead link", image_server.dead(410)),
        ("denied", image_server.dead(403)),
        ("wrong type", image_server.html()),
        ("truncated", image_server.truncated(other)),
        ("server error", image_server.broken()),
        ("rate limited", image_server.busy()),
        ("timed out", image_server.slow(image_server.image(other), 30.0)),
        ("unreachable", image_server.hang_up()),
        ("unreadable", image_server.image(other[: len(other) // 2])),
        ("another picture than annotated", image_server.image(other)),
    ):
        dropped(kind, made.image(next(crops), reply))
    dropped("no url", made.image(next(crops), url=""))
    dropped("forbidden address", made.image(next(crops), url="http://169.254.169.254/latest"))
    dropped("no hash", made.image(next(crops), average_hash="", phash="nan"))
    dropped("no metadata", "f" * 56)
    dropped("no image_id", "")
    dropped("disqualified", made.image(next(crops)), disqualified="True")
    dropped("no label", made.image(next(crops)), content_manipulation="", context_manipulation=True)
    dropped("no date", made.image(next(crops)), None)
    dropped(
        "text of a screenshot",
        made.image(next(crops)),
        content_manipulation="true",
        text_manipulation="true",
        screenshot_type="social_media",
    )
    torn = made.image(next(crops))
    dropped("conflict", torn)
    made.judged(torn, day, content_manipulation="true")
    _add_oddities(made, crops, day, server)


def _add_oddities(made: AmmebaSet, crops: Iterator[Pixels], day: date, server: Server) -> None:
    """Rows that are good however they look: redirected, slow, lied about, twice."""
    for number in range(4):
        pixels = next(crops)
        data = images.encode_jpeg(pixels, 90)
        server.replies[f"/moved/{number}.jpg"] = image_server.image(data)
        reply, cells = (
            (image_server.redirect(f"/moved/{number}.jpg"), {}),
            (image_server.slow(image_server.image(data), 0.3), {}),
            (None, {"image_size_bytes": 7, "mime": "image/png", "width": 1}),
            (image_server.image(data, "text/html"), {}),
        )[number]
        image_id = made.image(pixels, reply, **cells)
        made.judged(image_id, day, content_manipulation="false")
        made.judged(image_id, day + timedelta(90), content_manipulation="false")
        made.labels[image_id] = "authentic"


def main(words: list[str]) -> None:
    """Write a set, and serve its images until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--side", type=int, default=256)
    chosen = parser.parse_args(words)
    with image_server.running(hosts=4) as server:
        made = build(chosen.folder, server, chosen.pictures, chosen.side)
        print(len(made.labels), "good images,", sum(made.dropped.values()), "to be dropped")  # noqa: T201
        print(f"--set 'data.options.download={made.download}'")  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
