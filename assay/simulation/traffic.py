"""The images of a week, each with the truth about it; the same seed gives the same bytes.

They are crops of bundled photographs other than those that the first model was trained on. An
authentic image has been through what edited ones have been through (`assay.pairs`), so that nothing
but the edit tells the two apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, count, islice, pairwise

import numpy as np

from assay import images, pairs
from assay.degradations import recompress
from assay.records import Label, Sample
from assay.simulation.settings import Phase, SimulationSettings
from assay.sources.photos import Photos

CLIENTS = "dating", "forum", "market", "newsroom"
"""The platforms that send images."""

_REACH = 5.0, 1.5
"""Of an image: log-normal, a median of 150 people."""
_VIRAL_REACH = 50_000
_COPIES = 1
"""A stream of random numbers beside that of the images."""
_NEAR = 0.3
"""Share of the copies of a viral picture that somebody saved again, pixel-equal no longer."""


@dataclass(frozen=True, slots=True)
class Post:
    """One image that somebody posts."""

    name: str
    """Of the image, unique within a simulation."""
    data: bytes
    label: Label
    """The truth."""
    edit: str = ""
    """The manipulation; empty for an authentic image."""
    group: str = ""
    """The photograph that it is cut from."""
    client: str = CLIENTS[0]
    reach: int = 0
    is_viral: bool = False
    """Whether it is one of many copies of one picture."""


def posts(settings: SimulationSettings, week: int, start: int = 0) -> Iterator[Post]:
    """The images of the week ``week`` (0: before the first) without end, from ``start`` on."""
    found = _star(settings, week) if settings.phase(week) is Phase.VIRAL else None
    for number, post in _plain(settings, week, start):
        if found is None or number <= found[0]:
            yield post
            continue
        rng = _generator(settings.seed, week, number, _COPIES)
        is_copy = rng.random() < settings.traffic.viral
        yield _copy(found[1], post, rng) if is_copy else post


def _plain(settings: SimulationSettings, week: int, start: int) -> Iterator[tuple[int, Post]]:
    """Numbers and images, no picture twice."""
    for number, material in islice(enumerate(pairwise(_crops(settings, week))), start, None):
        rng = _generator(settings.seed, week, number)
        yield number, _post(settings, week, number, material, rng)


def _star(settings: SimulationSettings, week: int) -> tuple[int, Post]:
    """The picture that goes viral: the first edited one, with its number."""
    number, post = next(one for one in _plain(settings, week, 0) if one[1].edit)
    return number, replace(post, is_viral=True, reach=_VIRAL_REACH)


def _post(
    settings: SimulationSettings,
    week: int,
    number: int,
    material: tuple[Sample, Sample],
    rng: np.random.Generator,
) -> Post:
    """A crop that is edited, or only went through what an edited one goes through."""
    traffic = settings.traffic
    edit = _drawn_edit(settings, week, rng)
    history = edit or traffic.edits[int(rng.integers(len(traffic.edits)))]
    seed = int(rng.integers(2**31))
    edited, twin = pairs.make_pair(*material, history, seed, traffic.side)
    made = edited if edit else twin
    return Post(
        name=f"week{week:02}-{number:05}",
        data=_saved(settings, week, made.image, rng),
        label=made.label,
        edit=made.manipulation,
        group=made.group,
        client=CLIENTS[int(rng.integers(len(CLIENTS)))],
        reach=int(rng.lognormal(*_REACH)),
    )


def _drawn_edit(settings: SimulationSettings, week: int, rng: np.random.Generator) -> str:
    """Which manipulation an image has, empty for none."""
    traffic, drawn = settings.traffic, rng.random()
    if settings.has_come(Phase.NEW_MANIPULATION, week) and drawn < traffic.newly_edited:
        return traffic.new_edit
    known = traffic.edits[int(rng.integers(len(traffic.edits)))]
    return known if drawn >= 1 - traffic.edited else ""


def _saved(settings: SimulationSettings, week: int, data: bytes, rng: np.random.Generator) -> bytes:
    """``data`` as the platform keeps it: saved again at a low quality, once that has come."""
    traffic, drawn = settings.traffic, rng.random()
    quality = int(rng.integers(*traffic.qualities, endpoint=True))
    if not settings.has_come(Phase.LOW_QUALITY, week) or drawn >= traffic.saved_again:
        return data
    return images.encode_jpeg(images.decode(data).pixels, quality)


def _copy(star: Post, post: Post, rng: np.random.Generator) -> Post:
    """``star`` posted again by whoever would have posted ``post``."""
    data = star.data
    if rng.random() < _NEAR:
        pixels = recompress(images.decode(data).pixels, int(rng.integers(60, 90)))
        data = images.encode_jpeg(pixels, int(rng.integers(70, 95)))
    return replace(star, name=post.name, client=post.client, data=data)


def _crops(settings: SimulationSettings, week: int) -> Iterator[Sample]:
    """Crops without end, each week its own: photograph after photograph in turn."""
    names = settings.traffic.photographs
    seeds = (_number(settings.seed, week, again) for again in count())
    albums = (Photos(photographs=names, seed=seed).fetch() for seed in seeds)
    return chain.from_iterable(albums)


def _generator(*parts: int) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(repr(parts).encode()).digest()))


def _number(*parts: int) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4]) // 2
