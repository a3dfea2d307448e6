"""The model card of a registered version, as Markdown and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assay import model_registry
from assay.images import Variant
from assay.model_card import ModelCard
from assay.model_versions import MODEL
from assay.records import BASIC_SPLITS
from assay.reports import interval, robustness
from assay.reports.evaluation import auc_by_slice
from assay.reports.markdown import as_html, render
from assay.reports.page import Page
from assay.reports.page import render as render_page

DESCRIPTION_LIMIT = 5000
"""Characters that MLflow keeps of a version's description."""

TINY = 100_000_000
"""Parameters below which a model is no detector to rely on, whatever its scores."""

_TEMPLATE = "model_card.md"
_DESCRIBED_LICENCES = 6
_TAGGED = ("auc", "baseline_auc")
"""Metrics that a list of versions shows, in each variant."""

Rows = list[tuple[object, ...]]


def markdown(card: ModelCard) -> str:
    """The whole card."""
    return render(_TEMPLATE, brief=False, **_values(card))


def description(card: ModelCard, place: str) -> str:
    """The card without its long tables, for a registry; ``place`` (Markdown) leads to the whole."""
    values = _values(card)
    values["licences"] = _shortened(values["licences"])
    text = f"The whole card: {place}\n\n{render(_TEMPLATE, brief=True, **values)}"
    return text if len(text) <= DESCRIPTION_LIMIT else f"{text[: DESCRIPTION_LIMIT - 2]}…\n"


def page(card: ModelCard) -> Page:
    """The whole card in the frame of all reports, its main numbers above."""
    text = markdown(card).partition("\n")[2]  # the frame has the title
    return render_page("model_card.html", _title(card), body=as_html(text), tiles=_tiles(card))


def tags(card: ModelCard) -> dict[str, str]:
    """What a list of versions shows: AUC with its interval, and that of metadata alone."""
    known = card.evaluation.headline().items()
    return {name: interval(m) for name, m in known if name.partition("/")[2] in _TAGGED}


def facts(card: ModelCard) -> dict[str, str]:
    """Where else a version is found, and its AUC: metadata for another system's version."""
    made = {
        "mlflow_model": f"{MODEL} version {card.model.version}",
        "run": card.model.run,
        "dataset_version": card.model.dataset_version,
        "git_commit": card.model.git_commit,
        "content_hash": card.model.content,
    }
    return {**made, **tags(card)}


def note(card: ModelCard) -> str:
    """A paragraph about the run that made the version, in Markdown."""
    kind = Variant.BIAS_CONTROLLED
    known = tags(card)
    return (
        f"Made **version {card.model.version}** of the registered model {MODEL}.\n\n"
        f"AUC with biases controlled {known.get(f'{kind}/auc', '-')}, metadata alone "
        f"{known.get(f'{kind}/baseline_auc', '-')}; {card.data.rows:,} images, dataset "
        f"{card.data.version}. Artifacts: {model_registry.card_folder(card.model.version)}/ says "
        "what it is, what it cannot do and how to make it again.\n"
    )


def _values(card: ModelCard) -> dict[str, Any]:
    return {"title": _title(card), **_about(card), **_data(card), **_scores(card), **_making(card)}


def _title(card: ModelCard) -> str:
    return f"Model card: {MODEL}, {card.model.name}"


def _tiles(card: ModelCard) -> list[tuple[str, str]]:
    """Numbers that a reader looks for first, with what they are."""
    whole = card.evaluation.overall(Variant.BIAS_CONTROLLED)
    review = card.review_share.get(Variant.BIAS_CONTROLLED)
    return [
        (interval(whole.metrics["auc"] if whole else None), "AUC, biases controlled"),
        (interval(whole.baseline_auc if whole else None), "AUC of metadata alone"),
        ("-" if review is None else f"{review:.0%}", "of the test images go to people"),
        (f"{card.data.rows:,}", f"images, dataset {card.data.version}"),
    ]


def _about(card: ModelCard) -> dict[str, Any]:
    model = card.model
    identity: Rows = [
        ("version", model.version or "not registered"),
        ("name in its verdicts", card.name),
        ("base family", card.family),
        (
            "parameters",
            f"{card.parameters:,} in the base, {card.adapter_parameters:,} in the adapter",
        ),
        ("adapter", f"LoRA, rank {card.lora_rank}"),
        ("content hash (SHA-256)", model.content),
        ("commit", _commit(model.git_commit)),
        ("registered", model.registered_at or "-"),
        ("run, on ZenML and MLflow", model.run or "-"),
    ]
    return {
        "identity": identity,
        "tiny": card.parameters < TINY,
        "millions": f"{card.parameters / 1e6:.1f}",
        "warmed_up": "base.warm_up" not in card.training.settings,
        "groups": {split.value: card.data.groups.get(split.value, 0) for split in BASIC_SPLITS},
        "guessing": ", ".join(_guessing(card)),
    }


def _commit(described: str) -> str:
    commit, dirty, _ = described.partition("-dirty")
    return f"{commit}, with changes that were not committed" if dirty else commit or "unknown"


def _guessing(card: ModelCard) -> list[str]:
    """Kinds of edit on which the model is not credibly better than chance."""
    parts = [p for p in card.evaluation.slices if p.variant is Variant.BIAS_CONTROLLED]
    aucs = {p.name: p.metrics["auc"] for p in parts if p.by == "manipulation"}
    return [name for name, auc in aucs.items() if auc is not None and auc.low <= 0.5]


def _data(card: ModelCard) -> dict[str, Any]:
    data = card.data
    kinds = {name: n for name, n in data.counts["manipulation"].items() if name != "none"}
    labels = list(data.counts["label"])
    by_split: Rows = [
        (split, data.groups.get(split, 0), *(of.get(label, 0) for label in labels))
        for split, of in data.labels_by_split.items()
    ]
    return {
        "data": data,
        "source": data.settings.get("source", "unknown"),
        "rejected": sum(kind.count for kind in data.rejected),
        "reasons": [(kind.reason, kind.count) for kind in data.rejected],
        "split_columns": ("split", ">photographs", *(f">{label}" for label in labels)),
        "by_split": by_split,
        "kinds": ", ".join(kinds) or "those of its source, which does not name them",
        "kind_rows": list(kinds.items()),
        "datasets": list(data.counts["dataset"].items()),
        "licences": list(data.counts["licence"].items()),
    }


def _shortened(rows: Rows) -> Rows:
    """The most frequent rows; the rest as one."""
    ordered = sorted(rows, key=lambda row: -int(str(row[1])))
    rest = ordered[_DESCRIBED_LICENCES:]
    counted = (f"{len(rest)} others", sum(int(str(row[1])) for row in rest))
    return [*ordered[:_DESCRIBED_LICENCES], counted] if rest else ordered


def _scores(card: ModelCard) -> dict[str, Any]:
    judged = card.evaluation
    wholes = [whole for kind in Variant if (whole := judged.overall(kind))]
    metrics: Rows = [
        (name, *(interval(whole.metrics.get(name)) for whole in wholes))
        for name in (wholes[0].metrics if wholes else ())
    ]
    metrics.append(("auc of metadata alone", *(interval(whole.baseline_auc) for whole in wholes)))
    sizes = [(f"{whole.n:,} images", f"{whole.groups} photographs") for whole in wholes]
    both_classes = (part for part in judged.slices if not part.is_of_one_class)
    slice_columns, slices = auc_by_slice(both_classes)
    return {
        "metric_columns": ("metric", *(whole.variant.value for whole in wholes)),
        "metrics": metrics,
        "size": ", ".join(sizes[0]) if sizes else "no images",
        "slice_columns": slice_columns,
        "slices": slices,
        "one_class": _one_class(card),
        "robustness": robustness.brief(card.robustness) if card.robustness else [],
        "calibration": _calibration(card),
        "band": _band(card),
    }


def _one_class(card: ModelCard) -> Rows:
    apart = card.evaluation.one_class_datasets()
    parts = [p for p in card.evaluation.slices if p.by == "dataset" and p.name in apart]
    return [
        (
            part.name,
            part.variant.value,
            "authentic images" if part.authentic else "no authentic image",
            f"{part.n:,}",
            part.groups,
            interval(part.metrics.get("brier")),
        )
        for part in parts
    ]


def _band(card: ModelCard) -> str:
    return f"{card.calibration.review_low:.3f} to {card.calibration.review_high:.3f}"


def _calibration(card: ModelCard) -> Rows:
    fitted = card.calibration
    rows: Rows = [
        ("probabilities", fitted.method.value),
        ("temperature", f"{fitted.temperature:.3f}"),
        ("threshold", f"{fitted.threshold:.3f}; at or above it an image is not called authentic"),
        ("review band", f"{_band(card)}; scores in it are handed to people"),
    ]
    rows += [(f"threshold, {name}", f"{value:.3f}") for name, value in fitted.strata.items()]
    rows += _moved(card)
    if fitted.review is not None:
        rows.append(("promise", fitted.review.statement))
    for kind in Variant:
        if whole := card.evaluation.overall(kind):
            rows.append((f"calibration error, {kind}", interval(whole.metrics.get("ece"))))
        if kind in card.review_share:
            rows.append((f"handed to people, {kind}", f"{card.review_share[kind]:.1%} of the test"))
    return rows


def _moved(card: ModelCard) -> Iterator[tuple[str, str]]:
    """Which model it was before, and what it was moved to."""
    if was := card.recalibrated:
        said = f"weights of version {was['model']}; only the calibration saw {was['dataset']}"
        yield "recalibrated", said
    if was := card.retrained:
        yield "retrained", f"from version {was['model']}, on dataset {was['dataset']}"
    if span := card.captures:
        yield "captures", f"served from {span['since']} to {span['until']}"
    if card.learning:
        yield "findings", card.learning


def _making(card: ModelCard) -> dict[str, Any]:
    made = card.training
    times: Rows = [(f"time: {stage}", _time(seconds)) for stage, seconds in made.seconds.items()]
    checkout = f"git checkout {card.model.git_commit.partition('-')[0]}\n" * bool(
        card.model.git_commit
    )
    return {
        "training": [*times, ("hardware", made.hardware)],
        "settings": list(made.settings.items()),
        "command": checkout + made.command,
    }


def _time(seconds: float) -> str:
    """``1 min 18 s``."""
    hours, rest = divmod(round(seconds), 3600)
    parts = ((hours, "h"), (rest // 60, "min"), (rest % 60, "s"))
    return " ".join(f"{value} {unit}" for value, unit in parts if value) or "0 s"
