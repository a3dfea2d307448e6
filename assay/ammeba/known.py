"""Which images were seen in which fact-check: what a bank of known images is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from assay.ammeba.tables import FactCheck, read_annotations, read_fact_checks, read_images


@dataclass(frozen=True, slots=True)
class FactCheckedImage:
    """One image in one fact-check; an image that several looked into comes as often."""

    image_id: str
    average_hash: str
    """Hexadecimal, as `imagehash` writes it; empty if missing, as for the next."""
    phash: str
    url: str
    """Where the image was; empty if unknown."""
    fact_check_url: str
    fact_check_title: str
    review_date: str
    """ISO 8601, empty if unknown."""
    flags: Mapping[str, bool]
    """By name of `assay.ammeba.tables.FLAGS`; what nobody answered is not in it."""


def known_images(place: Path) -> Iterator[FactCheckedImage]:
    """Each annotated image of AMMeBa in ``place`` (a folder or a zip) that was not disqualified.

    In the order of the annotations; raises as `assay.ammeba.tables.read_annotations`.
    """
    images = {facts.image_id: facts for facts in read_images(place)}
    articles = by_address(read_fact_checks(place))
    for row in read_annotations(place):
        if row.disqualified or row.image_id not in images:
            continue
        facts = images[row.image_id]
        article = articles.get(row.fact_check_url) or FactCheck(row.fact_check_url, "", "")
        yield FactCheckedImage(
            image_id=row.image_id,
            average_hash=facts.average_hash,
            phash=facts.phash,
            url=facts.url,
            fact_check_url=row.fact_check_url,
            fact_check_title=article.title,
            review_date=article.reviewed_on,
            flags=row.flags,
        )


def by_address(articles: Iterable[FactCheck]) -> dict[str, FactCheck]:
    """Articles by address; of one that is listed more than once, the earliest date that is known.

    The first title that is not empty stays.
    """
    found: dict[str, FactCheck] = {}
    for article in articles:
        known = found.setdefault(article.url, article)
        dates = [a.reviewed_on for a in (known, article) if a.reviewed_on]
        if known is not article:
            merged = replace(
                known, title=known.title or article.title, reviewed_on=min(dates, default="")
            )
            found[article.url] = merged
    return found
