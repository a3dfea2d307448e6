"""What was measured on one image, to be looked at: where evidence points, and each number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from assay import ledger
from assay.evidence import Role, examiners
from assay.localisation import fused_heatmap, marked_area
from assay.metadata import quoted
from assay.prompts import is_unusual
from assay.records import Finding, Heatmap, Hypothesis, Label, Mask, Photo, Verdict
from assay.reports import views
from assay.reports.drawings import LONGEST, Drawing, Mark, drawing
from assay.reports.page import Page, percent, render
from assay.reports.pictures import outlined, shortened, shrunk

SUGGESTS = {
    Hypothesis.COPIED: "a part copied within the image",
    Hypothesis.PASTED: "a part from another photograph",
    Hypothesis.GENERATED: "an image made by a generator",
    Hypothesis.EDITED: "a part that was altered",
}
"""What an unusual value speaks for, in words."""
ROLES = {
    Role.FUSED: "in the verdict",
    Role.SHOWN: "shown only",
    Role.VERBATIM: "from the file",
}

_VIEW_SIDE = 480
_MOST_BOXES = 3
"""Regions that are outlined of one finding, its first."""
_LONGEST_TITLE = 44
_BAR_STOPS = 11


@dataclass(frozen=True, slots=True)
class Seen:
    """A drawing, and the numbers that belong beside it."""

    drawing: Drawing
    caption: str


def page(photo: Photo, verdict: Verdict, name: str = "") -> Page:
    """The page about one image, called ``name``, whatever its size and whatever was measured.

    Where evidence points, the residual and the error level, links of what repeats, every finding
    with its numbers, and what the file states, word for word.
    """
    findings = verdict.findings
    stated = ledger.in_role(findings, Role.VERBATIM)
    return render(
        "evidence.html",
        "Evidence about an image",
        name=quoted(name),
        photo=photo,
        verdict=verdict,
        probabilities=[(label.value, f"{verdict.probabilities[label]:.3f}") for label in Label],
        pointed=pointed(photo, findings),
        bar_colours=views.colour_bar(_BAR_STOPS),
        links=[_linked(photo, finding) for finding in findings if finding.measurement.links],
        views=list(_views(photo)),
        rows=[_row(finding) for finding in _by_role(findings)],
        facts=[fact for found in stated for fact in found.measurement.facts],
    )


def pointed(
    photo: Photo,
    findings: Sequence[Finding],
    side: int = LONGEST,
    *,
    labelled: bool = True,
    mask: Mask | None = None,
) -> Seen:
    """``photo`` below the fused heatmap, with boxes around what unusual findings point at.

    Boxes are numbered by finding, dashed where it does not count in the verdict. The picture has at
    most ``side`` pixels along a side; the region that a ``mask`` ``[h, w]`` marks is outlined.
    """
    shown, heatmap = shrunk(photo.pixels, side), fused_heatmap(findings)
    if heatmap is not None:
        shown = views.heated(shown, heatmap)
    if mask is not None:
        shown = outlined(shown, mask)
    boxed = _boxed(findings)
    named = [f"{number} {_told(finding)}" for number, finding in enumerate(boxed, 1)]
    where = f"outlined: {'; '.join(named)}" if named else "no unusual finding points at a part"
    marks = list(_marks(boxed)) if labelled else [replace(m, words="") for m in _marks(boxed)]
    return Seen(
        drawing(shown, f"Where evidence points. {where}", marks),
        f"{where[0].upper()}{where[1:]}. {_suspicion(heatmap)}.",
    )


def strongest(findings: Sequence[Finding]) -> Finding | None:
    """The finding that fewest authentic images reach, among those that count in the verdict."""
    return min(
        (found for found in ledger.in_role(findings, Role.FUSED) if found.null_rate is not None),
        key=_rate,
        default=None,
    )


def _boxed(findings: Sequence[Finding]) -> list[Finding]:
    """Unusual findings that point at regions, the rarest first: these get the best places."""
    pointing = (found for found in findings if is_unusual(found) and found.measurement.regions)
    return sorted(pointing, key=_rate)


def _marks(boxed: Sequence[Finding]) -> Iterator[Mark]:
    """Regions, the first of a finding with its title, the others with its number alone."""
    for number, finding in enumerate(boxed, 1):
        dashed = _role(finding) is not Role.FUSED
        first, *others = finding.measurement.regions[:_MOST_BOXES]
        yield Mark(first, f"{number} {shortened(_title(finding), _LONGEST_TITLE)}", dashed)
        yield from (Mark(region, str(number), dashed) for region in others)


def _suspicion(heatmap: Heatmap | None) -> str:
    if heatmap is None:
        return "No finding that counts in the verdict has a heatmap"
    area = percent(marked_area(heatmap))
    return f"Suspicion is at most {heatmap.max():.2f}, and above 0.5 on {area} of the image"


def _linked(photo: Photo, finding: Finding) -> Seen:
    links = finding.measurement.links
    words = f"{_title(finding)}: {len(links)} links from a source to its copy"
    caption = f"{len(links)} links, each from the presumed source (ring) to the copy (dot). "
    return Seen(
        drawing(shrunk(photo.pixels, LONGEST), words, links=links), caption + finding.sentence
    )


def _views(photo: Photo) -> Iterator[Seen]:
    fine = views.residual_view(photo.pixels, _VIEW_SIDE)
    words = f"Residual: fine diagonal detail, mostly noise, amplified {fine.gain} times"
    yield Seen(drawing(fine.pixels, words), f"{words}.")
    coarse = views.error_level_view(photo.pixels, _VIEW_SIDE)
    if coarse is not None:
        words = (
            "Error level: what saving as JPEG of quality "
            f"{views.ERROR_LEVEL_QUALITY} changes, amplified {coarse.gain} times"
        )
        yield Seen(drawing(coarse.pixels, words), f"{words}.")


def _by_role(findings: Sequence[Finding]) -> list[Finding]:
    """What counts first, then what is shown, then what is stated; the rarest first in each."""
    return [
        finding for role in ROLES for finding in sorted(ledger.in_role(findings, role), key=_rate)
    ]


def _row(finding: Finding) -> tuple[str, ...]:
    """Title, value, null rate, what it suggests, its part in the verdict, and the sentence."""
    measurement, role = finding.measurement, _role(finding)
    facts = () if role is Role.VERBATIM else measurement.facts
    beside = f" ({'; '.join(f'{name}: {text}' for name, text in facts)})" if facts else ""
    return (
        _title(finding),
        "" if measurement.value is None else f"{measurement.value:.3g}",
        "" if finding.null_rate is None else percent(finding.null_rate),
        SUGGESTS[finding.suggests] if is_unusual(finding) else "",
        ROLES[role],
        finding.sentence + beside,
    )


def _role(finding: Finding) -> Role:
    return examiners()[finding.measurement.id].role


def _title(finding: Finding) -> str:
    return finding.title or examiners()[finding.measurement.id].title


def _told(finding: Finding) -> str:
    return f"{_title(finding)} ({percent(_rate(finding))} of authentic images measure as high)"


def _rate(finding: Finding) -> float:
    """The null rate, above any other where there is none."""
    return 2.0 if finding.null_rate is None else finding.null_rate
