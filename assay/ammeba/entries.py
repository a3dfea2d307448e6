"""The images that AMMeBa annotates, joined over its three files, labelled, grouped and split."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from assay.ammeba.files import ANNOTATIONS, IMAGES
from assay.ammeba.known import by_address
from assay.ammeba.labels import Dropped, Judged, judge
from assay.ammeba.periods import Periods, PeriodShares
from assay.ammeba.tables import (
    Annotation,
    FactCheck,
    ImageFacts,
    day,
    read_annotations,
    read_fact_checks,
    read_images,
)
from assay.records import Label, Rejected, Split
from assay.settings import Settings


class EntrySettings(Settings):
    """Which images are taken, and how they are split."""

    shares: PeriodShares = PeriodShares()
    undated: Literal["drop", "train"] = "drop"
    """What becomes of images that no dated fact-check names: nobody knows what they follow."""
    screenshots: bool = False
    """Whether a screenshot whose words alone are false counts as manipulated."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image that is worth downloading."""

    image_id: str
    facts: ImageFacts
    judged: Judged
    fact_check: str
    """Address of the earliest fact-check."""
    published_at: str
    """When that was reviewed, ISO 8601; of an original that nobody reviewed, when its edit was."""
    known_at: str
    """When the latest of what it was judged by was reviewed; of an original as above."""
    original: str
    """``image_id`` of the image before the edit; empty if there is none among the entries."""
    group: str
    """An edit and its original share it, and so do all that share either."""
    split: Split = Split.TRAIN


def entries(place: Path, settings: EntrySettings) -> tuple[list[Entry], list[Rejected]]:
    """What AMMeBa in ``place`` holds, by group and originals before their edits; and what is left.

    A group goes to the split of its latest date, so that nothing is learned from what came later,
    not even that an old image is an edit, and no original is torn from its edit. Raises as
    `assay.ammeba.tables.read_annotations`.
    """
    rejected: list[Rejected] = []
    rows, disqualified = _by_image(read_annotations(place), rejected)
    facts = {one.image_id: one for one in read_images(place)}
    articles = by_address(read_fact_checks(place))
    found: dict[str, Entry] = {}
    for image_id, annotated in rows.items():
        made = _entry(image_id, annotated, facts.get(image_id), articles, settings)
        if isinstance(made, Rejected):
            rejected.append(made)
        else:
            found[image_id] = made
    _add_originals(found, {*rows, *disqualified}, facts)
    dated = _dated(found, settings, rejected)
    return _split(_grouped(dated), settings.shares), rejected


def _by_image(
    rows: Iterable[Annotation], rejected: list[Rejected]
) -> tuple[dict[str, list[Annotation]], set[str]]:
    """The rows of each image, in order; those that count for nothing are added to ``rejected``.

    An image all of whose rows are disqualified has none, one rejection of its own, and its name in
    the second result.
    """
    found: dict[str, list[Annotation]] = {}
    disqualified: dict[str, list[Rejected]] = {}
    for number, row in enumerate(rows, start=1):
        place = f"{ANNOTATIONS} row {number}"
        if not row.image_id:
            reason = Dropped.NO_IMAGE_ID.because("the row names no image")
            rejected.append(Rejected(place, reason))
        elif row.disqualified:
            told = row.disqualification_reason or "no reason is given"
            reason = Dropped.DISQUALIFIED.because(told)
            disqualified.setdefault(row.image_id, []).append(Rejected(place, reason))
        else:
            found.setdefault(row.image_id, []).append(row)
    for image_id, dropped in disqualified.items():
        whole = [Rejected(image_id, dropped[0].reason)]
        rejected += dropped if image_id in found else whole
    return found, set(disqualified) - set(found)


def _entry(
    image_id: str,
    rows: Sequence[Annotation],
    facts: ImageFacts | None,
    articles: Mapping[str, FactCheck],
    settings: EntrySettings,
) -> Entry | Rejected:
    if facts is None:
        return Rejected(image_id, Dropped.NO_METADATA.because(f"{IMAGES} does not list it"))
    judged = judge(rows, settings.screenshots)
    if isinstance(judged, str):
        return Rejected(image_id, judged)
    reviewed = [(articles[url].reviewed_on, url) for url in _addresses(rows) if url in articles]
    dated = sorted(one for one in reviewed if one[0]) or [("", rows[0].fact_check_url)]
    published_at, fact_check = dated[0]
    originals = {row.premanipulation_image_id for row in rows} - {"", image_id}
    original = min(originals, default="") if judged.label is not Label.AUTHENTIC else ""
    known_at = dated[-1][0]
    return Entry(image_id, facts, judged, fact_check, published_at, known_at, original, image_id)


def _addresses(rows: Iterable[Annotation]) -> Iterator[str]:
    return (row.fact_check_url for row in rows if row.fact_check_url)


def _add_originals(
    found: dict[str, Entry],
    annotated: Container[str],
    facts: Mapping[str, ImageFacts],
) -> None:
    """Add the originals that no fact-check judged, as authentic; forget those that are unknown.

    One that was judged keeps what it was judged to be, or stays away, as a disqualified one does.
    """
    for edit in [entry for entry in found.values() if entry.original]:
        original = edit.original
        if original in found:
            continue
        if original in annotated or original not in facts:
            found[edit.image_id] = replace(edit, original="")
            continue
        found[original] = Entry(
            image_id=original,
            facts=facts[original],
            judged=Judged(Label.AUTHENTIC),
            fact_check=edit.fact_check,
            published_at=edit.published_at,
            known_at=edit.known_at,
            original="",
            group=original,
        )


def _dated(
    found: Mapping[str, Entry], settings: EntrySettings, rejected: list[Rejected]
) -> list[Entry]:
    """The entries that may be split by time; the others are added to ``rejected``."""
    if settings.undated == "train":
        return list(found.values())
    undated = [entry for entry in found.values() if not entry.published_at]
    reason = Dropped.NO_DATE.because("none of its fact-checks has a review_date")
    rejected += [Rejected(entry.image_id, reason) for entry in undated]
    return [entry for entry in found.values() if entry.published_at]


def _grouped(found: Sequence[Entry]) -> list[Entry]:
    """Entries with the least ``image_id`` of all that edits connect as their group, in its order.

    Originals come before their edits.
    """
    here = {entry.image_id: entry for entry in found}
    kept = [e if e.original in here else replace(e, original="") for e in found]
    root = {image_id: image_id for image_id in here}

    def top(image_id: str) -> str:
        while root[image_id] != image_id:
            root[image_id] = image_id = root[root[image_id]]
        return image_id

    for entry in kept:
        if entry.original:
            low, high = sorted((top(entry.image_id), top(entry.original)))
            root[high] = low
    named = {e.image_id: replace(e, group=top(e.image_id)) for e in kept}
    return sorted(named.values(), key=lambda e: (e.group, _edits(e, named), e.image_id))


def _edits(entry: Entry, known: Mapping[str, Entry]) -> int:
    """How many edits lie between an entry and the first of its line; lines may lead in circles."""
    seen = {entry.image_id}
    while entry.original and entry.original not in seen:
        entry = known[entry.original]
        seen.add(entry.image_id)
    return len(seen) - 1


def _split(found: Sequence[Entry], shares: PeriodShares) -> list[Entry]:
    """Entries with the split of the latest date in their group; without any date, of training."""
    latest: dict[str, str] = {}
    for entry in found:
        latest[entry.group] = max(entry.known_at, latest.get(entry.group, ""))
    days = {group: day(time) for group, time in latest.items()}
    periods = Periods((d for e in found if (d := days[e.group])), shares)
    return [replace(e, split=periods.split(d) if (d := days[e.group]) else e.split) for e in found]
