"""The page of a validation: may this dataset be trained on, what was expected, what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from assay.records import Label, Split
from assay.rejections import rejections
from assay.reports import dropped, interval
from assay.reports.page import Page, render
from assay.reports.pictures import COLOURS, FAINT, INK, figure, shortened, svg
from assay.shortcuts import PROBES, Outcome, Probe, Unprobed
from assay.validation import Count, Validation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RAW_COLOUR, NORMALISED_COLOUR = "#9a6700", "#1d7a46"

_REASONS_SHOWN = 12
_DATASETS_SHOWN = 30
_SEEN = {
    "file_size": "bytes and bits per pixel",
    "dimensions": "width and height",
    "quantisation": "JPEG tables, format, progressive or not",
    "exif": "whether there is EXIF",
}


def page(validation: Validation) -> Page:
    """Verdict first; then expectations, rejected rows, balance and shortcut probes."""
    kinds = rejections(validation.rejected)
    counts = _of_largest(validation.counts)
    return render(
        "validation.html",
        f"Validation of dataset {validation.dataset_version}",
        found=validation,
        rejected=kinds[:_REASONS_SHOWN],
        kinds_left_out=max(0, len(kinds) - _REASONS_SHOWN),
        dropped=dropped.table(validation.rejected, validation.rows),
        dropped_bars=dropped.picture(validation.rejected, validation.rows) if kinds else "",
        download=dropped.download(validation.rejected),
        balance=_balance_figure(counts) if counts else "",
        labels=[label.value for label in Label],
        contents=list(_contents(counts)),
        shortcuts=_probe_figure(validation) if validation.probes else "",
        probes=list(_probe_rows(validation.probes)),
        unprobed=_largest_unprobed(validation.unprobed),
        seen=_SEEN,
    )


def _of_largest(counts: Sequence[Count]) -> list[Count]:
    """The counts by dataset; of many, the smallest are put together."""
    images = Counter[str]()
    for count in counts:
        images[count.dataset] += count.rows
    large = {name for name, _ in images.most_common(_DATASETS_SHOWN)}
    others = f"{len(images) - len(large):,} others"
    together = Counter[tuple[str, str]]()
    for count in counts:
        together[count.split, count.label] += 0 if count.dataset in large else count.rows
    kept = [count for count in counts if count.dataset in large]
    return kept + [Count(others, *key, rows) for key, rows in together.items() if rows]


def _largest_unprobed(unprobed: Sequence[Unprobed]) -> list[tuple[str, str, str]]:
    """Dataset, images and reason; of many, the smallest are put together."""
    ordered = sorted(unprobed, key=lambda one: -one.rows)
    rows = [(one.dataset, f"{one.rows:,}", one.reason) for one in ordered[:_DATASETS_SHOWN]]
    rest = ordered[_DATASETS_SHOWN:]
    if rest:
        rows.append(
            (
                f"{len(rest):,} others",
                f"{sum(one.rows for one in rest):,}",
                "too small, or of one class",
            )
        )
    return rows


def _contents(known: Sequence[Count]) -> Iterator[tuple[str, ...]]:
    """Images of each dataset and split, by label."""
    images = Counter({(c.dataset, c.split, c.label): c.rows for c in known})
    for dataset, split in dict.fromkeys((c.dataset, c.split) for c in known):
        counts = [images[dataset, split, label] for label in Label]
        yield dataset, split, *(f"{count:,}" for count in counts), f"{sum(counts):,}"


def _probe_rows(probes: Sequence[Probe]) -> Iterator[dict[str, str]]:
    """One row a dataset and probe, with both forms; what follows is decided by the second."""
    by_key = {(p.dataset, p.name, p.form): p for p in probes}
    for dataset, name in dict.fromkeys((p.dataset, p.name) for p in probes):
        raw, normalised = by_key[dataset, name, "raw"], by_key[dataset, name, "normalised"]
        yield {
            "dataset": dataset,
            "name": name,
            "images": f"{normalised.accuracy.n:,}",
            "groups": f"{normalised.groups:,}",
            "raw": interval(raw.accuracy),
            "raw_is": _class_of(raw),
            "normalised": interval(normalised.accuracy),
            "normalised_is": _class_of(normalised),
            "outcome": normalised.outcome.value,
        }


def _class_of(probe: Probe) -> str:
    return {Outcome.CLEAR: "", Outcome.BLOCKS: "bad"}.get(probe.outcome, "warn")


def _balance_figure(known: Sequence[Count]) -> str:
    """Stacked bars: images of each label, by split and by dataset."""
    splits = [split for split in Split if any(c.split == split for c in known)]
    datasets = list(dict.fromkeys(c.dataset for c in known))
    bars = max(len(splits), len(datasets))
    drawn = figure(9.5, 0.9 + 0.34 * bars)
    left, right = drawn.subplots(1, 2)
    _stack(left, splits, Counter(), [(c.split, c.label, c.rows) for c in known])
    _stack(right, datasets, Counter(), [(c.dataset, c.label, c.rows) for c in known])
    left.set_title("by split", loc="left", fontsize=10, color=INK)
    right.set_title("by dataset", loc="left", fontsize=10, color=INK)
    drawn.legend(
        *left.get_legend_handles_labels(), loc="outside lower left", ncols=3, frameon=False
    )
    return svg(drawn)


def _stack(
    axes: Axes, names: Sequence[str], filled: Counter[str], counts: Sequence[tuple[str, str, int]]
) -> None:
    for label in Label:
        images = Counter[str]()
        for name, of, rows in counts:
            images[name] += rows if of == label.value else 0
        widths, starts = [images[n] for n in names], [filled[n] for n in names]
        places = range(len(names))  # shortened names may be equal
        axes.barh(places, widths, left=starts, color=COLOURS[label.value], label=label.value)
        filled.update(images)
    axes.set_yticks(range(len(names)), [shortened(name, 26) for name in names])
    axes.invert_yaxis()
    axes.set_xlabel("images", color=FAINT)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _probe_figure(validation: Validation) -> str:
    """A dot and its interval for each dataset, probe and form; a line where a run stops."""
    datasets = list(dict.fromkeys(probe.dataset for probe in validation.probes))
    drawn = figure(9.5, 0.9 + len(datasets) * (0.45 + 0.3 * len(PROBES)))
    axes = drawn.subplots()
    ticks: dict[float, str] = {}
    for index, dataset in enumerate(datasets):
        top = index * (len(PROBES) + 1.4)
        axes.text(0.0, top, dataset, fontsize=10, fontweight="bold", color=INK, va="center")
        ticks |= {top + 1 + place: name for place, name in enumerate(PROBES)}
        for probe in (p for p in validation.probes if p.dataset == dataset):
            _dot(axes, probe, top + 1 + list(PROBES).index(probe.name))
    axes.axvline(0.5, color=FAINT, linewidth=1, linestyle=":")
    axes.axvline(validation.shortcut_limit, color="#b42318", linewidth=1)
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.set(xlim=(0, 1.02), ylim=(max(ticks) + 0.8, -0.8))
    axes.set_xlabel(
        f"balanced accuracy with its 95 % interval; 0.5 is chance, the line at "
        f"{validation.shortcut_limit:g} the limit",
        color=FAINT,
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles, names = axes.get_legend_handles_labels()
    known = dict(zip(names, handles, strict=True))
    drawn.legend(known.values(), known.keys(), loc="outside upper left", ncols=2, frameon=False)
    return svg(drawn)


def _dot(axes: Axes, probe: Probe, row: float) -> None:
    is_raw = probe.form == "raw"
    place = row + (-0.17 if is_raw else 0.17)
    colour = RAW_COLOUR if is_raw else NORMALISED_COLOUR
    accuracy = probe.accuracy
    axes.plot([accuracy.low, accuracy.high], [place, place], color=colour, linewidth=1.5)
    words = "raw files" if is_raw else "after normalisation"
    face = "white" if is_raw else colour
    axes.plot(accuracy.value, place, "o", color=colour, mfc=face, markersize=5, label=words)
