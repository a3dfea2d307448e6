"""What a run came to, as tables drawn in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from assay.comparison import PRIMARY, Outcome
from assay.reports import backtest as backtest_report
from assay.reports import collection as collection_report
from assay.reports import dropped, interval
from assay.reports import experts as expert_report
from assay.reports import folds as fold_report
from assay.reports import loop as loop_report
from assay.reports import monitoring as monitor_report
from assay.reports import robustness as robustness_report
from assay.reports import serving_plan as plan_report
from assay.reports.comparison import names, sentence
from assay.reports.evaluation import auc_by_slice, headline, slice_name

if TYPE_CHECKING:
    import pandas as pd

    from assay.backtest.records import Backtest
    from assay.comparison import Comparison
    from assay.evaluation import Evaluation
    from assay.promotion import PromotionDecision
    from assay.robustness import Robustness
    from assay.serving_plan import ServingPlan
    from assay.store import Deployment
    from assay.store.standing import Standing
    from assay.validation import Validation


_WIDTH = 128
"""Columns of a page; a terminal has its own."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a run: its name, what became of it (ran, cached, failed ...), its seconds."""

    name: str
    state: str
    seconds: float


def stages(done: Iterable[Stage]) -> Table:
    """Each stage with its seconds, and whether it ran or came from the cache."""
    table = table_of("stage", "state", ">seconds")
    for stage in done:
        colour = {"failed": "red", "cached": "dim"}.get(stage.state, "")
        table.add_row(stage.name, Text(stage.state, colour), f"{stage.seconds:.1f}")
    return table


def metrics(evaluation: Evaluation) -> Table:
    """The headline metrics with their 95 % intervals, one column a variant."""
    columns, rows = headline(evaluation)
    table = table_of(*columns[:-1], ">n")
    for row in rows:
        table.add_row(*row)
    return table


def slices(evaluation: Evaluation) -> Table:
    """AUC of each manipulation, source and dataset, and of metadata alone, in each variant."""
    columns, rows = auc_by_slice(evaluation.slices)
    variants = [name.replace(", ", "\n") for name in columns[2:-2]]
    table = table_of("AUC by", "", *variants, ">n", ">groups")
    for row in rows:
        table.add_row(*row)
    return table


def folds(evaluation: Evaluation) -> list[RenderableType]:
    """What each fold of leave-one-dataset-out promised, and whether that held; none without."""
    columns, rows = fold_report.table(evaluation)
    table = table_of(*columns)
    for row in rows:
        table.add_row(*row)
    return [table] if rows else []


def marked(evaluation: Evaluation) -> list[RenderableType]:
    """A line for each part whose AUC may come from elsewhere than the edit."""
    lines = [
        Text(f"{slice_name(part.by, part.name)}: {mark}", "yellow")
        for part in evaluation.slices
        if part.by in {"all", "dataset"}
        for mark in part.marks
    ]
    return [Group(*lines)] if lines else []


def apart(evaluation: Evaluation) -> list[RenderableType]:
    """A line on datasets of one class, where there are any beside others."""
    one_class = evaluation.one_class_datasets()
    if evaluation.apart:
        return [Text(f"measured apart, as of one class: {', '.join(evaluation.apart)}", "yellow")]
    if len(one_class) > 1:
        return [Text("every dataset is of one class: telling them apart scores as high", "yellow")]
    return []


def robustness(measured: Robustness) -> list[RenderableType]:
    """Under which perturbation the model fares worst, by how much; none if nothing was measured."""
    rows = robustness_report.brief(measured)
    table = table_of("robustness", "worst under", "95 % interval")
    for row in rows:
        table.add_row(*row)
    return [table] if rows else []


def decision(made: PromotionDecision, version: str) -> RenderableType:
    """Whether version ``version`` is the champion now, and why."""
    outcome = "promoted to champion" if made.promoted else "not promoted"
    lines = [Text(f"version {version}: {outcome}", "green" if made.promoted else "yellow")]
    return Group(*lines, *(Text(f"  - {reason}") for reason in made.reasons))


def comparison(made: Comparison) -> list[RenderableType]:
    """The verdict about two models, and their AUC on each slice in the form that decides."""
    colour = {Outcome.BETTER: "green", Outcome.WORSE: "red"}.get(made.outcome, "yellow")
    table = table_of("AUC by", "", *names(made), "difference (95 % interval)", ">n", ">groups")
    for part in made.slices:
        found = part.metrics[PRIMARY]
        if found is not None and part.variant is made.overall.variant:
            shown = f"{found.first:.3f}", f"{found.second:.3f}", interval(found.change, "+")
            table.add_row(part.by, part.name, *shown, f"{part.n:,}", str(part.groups))
    flips = ", ".join(f"{n:,} {change}" for change, n in made.overall_flips.counts.items())
    return [Text(sentence(made), colour), table, Text(f"decided differently: {flips}")]


def verdict(given: Mapping[str, Any]) -> Panel:
    """The verdict about one image with its reasons, from `Verdict.as_dict`."""
    shares = "  ".join(f"{label} {p:.1%}" for label, p in given["probabilities"].items())
    review = "a person should look at it" if given["needs_review"] else "no review needed"
    lines = [f"score {given['score']:.3f}   {review}", shares]
    lines += [f"- {sentence}" for sentence in given["findings"]]
    lines += [given["rationale"]] if given["rationale"] else []
    # As text: a file's own words may look like markup.
    return Panel(Text("\n".join(lines)), title=given["label"], title_align="left", width=_WIDTH)


def backtest(found: Backtest) -> RenderableType:
    """Every number a day as served and as tried, with what to know before relying on it."""
    shown = table_of("a day", ">as served", ">as tried", ">change")
    for line in backtest_report.lines(found):
        colour = {"good": "green", "bad": "red"}.get(line.emphasis, "")
        shown.add_row(line.title, line.old, line.new, Text(line.change, colour))
    notes = [Text(doubt, "yellow") for doubt in backtest_report.doubts(found)]
    return Group(Text(backtest_report.sentence(found)), shown, *notes)


def scores(table: pd.DataFrame) -> Table:
    """How many images got which label, need review, or could not be read."""
    counts = table_of("images", ">count")
    for label, count in table["label"].where(table["error"] == "", "error").value_counts().items():
        counts.add_row(str(label), str(count))
    counts.add_row("to review", str(int(table["needs_review"].fillna(False).sum())))
    return counts


def serving_plan(plan: ServingPlan) -> RenderableType:
    """What every trial came to, what was chosen, and why."""
    columns, rows = plan_report.table(plan)
    table = table_of(columns[0], *(f">{name}" for name in columns[1:-1]), columns[-1])
    for row in rows:
        table.add_row(*row)
    chosen = ", ".join(plan.choices)
    lines = [Text(f"{plan.name} for model {plan.model_version}: {chosen}", "green")]
    lines += [Text(f"  - {tile} {words}") for tile, words in plan_report.headline(plan)]
    return Group(table, Text(""), *lines)


def deployment(found: Standing) -> RenderableType:
    """What answers on a target, and what became of the deployment, with its reasons."""
    answers = found.answers or "the champion"
    spoken = f"answers on {found.target}" if found.is_serving else "is what `make serve` will serve"
    lines = [Text(f"{answers} {spoken}")]
    if found.note:
        lines.append(Text(found.note, "yellow"))
    if (one := found.deployment) is not None:
        colour = "red" if found.fell_through else ""
        what = f"{one.subject.release or 'a release'}: {one.state.replace('_', ' ')}"
        lines.append(Text(f"{one.action} {what}{_lasted(one)} ({one.id})", colour))
        lines += [Text(f"  - {reason}") for reason in one.reasons]
    return Group(*lines)


def simulation(played: Mapping[str, Any]) -> RenderableType:
    """What happened in a simulation, in sentences and week by week."""
    table = table_of(*played["columns"])
    for row in played["rows"]:
        table.add_row(*row)
    return Group(*map(Text, played["sentences"]), Text(""), table)


def _lasted(one: Deployment) -> str:
    """How long it took until it answered, or was given up."""
    end = one.activated_at or one.ended_at
    return "" if end is None else f" after {(end - one.started_at).total_seconds():.1f} s"


_ALONE: dict[str, Callable[[Any], RenderableType]] = {
    "backtest": backtest,
    "collection": collection_report.closing,
    "deployment": deployment,
    "window": monitor_report.closing,
    "retrain_decision": monitor_report.decided,
    "experts": expert_report.closing,
    "loop": loop_report.closing,
    "serving_plan": serving_plan,
    "scores": scores,
    "simulation": simulation,
    "verdict": verdict,
}
"""What stands in results beside nothing else."""


def outcome(results: Mapping[str, Any]) -> list[RenderableType]:
    """A drawing of each result of a run that a reader wants to see, by artifact name."""
    drawn: list[RenderableType] = []
    if "dataset" in results and not {
        "evaluation",
        "comparison",
        "robustness",
        "serving_plan",
    } & set(results):
        drawn.append(contents(results["dataset"].summary()))
    if "validation" in results and "evaluation" not in results:
        drawn.append(validation(results["validation"]))
    elif "validation" in results:
        drawn += left_out(results["validation"])
    if "evaluation" in results:
        drawn += [metrics(results["evaluation"]), slices(results["evaluation"])]
        drawn += folds(results["evaluation"]) + apart(results["evaluation"])
        drawn += marked(results["evaluation"])
    if "robustness" in results:
        drawn += robustness(results["robustness"])
    if "decision" in results:
        drawn.append(decision(results["decision"], results["model_version"]))
    if "comparison" in results:
        drawn += comparison(results["comparison"])
    return drawn + [draw(results[name]) for name, draw in _ALONE.items() if name in results]


def contents(summary: Mapping[str, Any]) -> Table:
    """What a dataset holds: rows by label, kind, split and dataset."""
    table = table_of("rows by", "value", ">count")
    for column, counts in summary.items():
        for value, count in counts.items() if isinstance(counts, Mapping) else [("", counts)]:
            table.add_row(column, str(value), str(count))
    return table


def validation(found: Validation) -> Table:
    """Whether a dataset may be trained on, and all that failed or is suspect."""
    held = sum(expectation.passed for expectation in found.expectations)
    table = table_of("validation", "", ">count")
    passed = Text("passed", "green") if found.passed else Text("refused", "red")
    table.add_row("verdict", passed, "")
    table.add_row("expectations that hold", f"of {len(found.expectations)}", str(held))
    for kept in (*found.broken, *found.warnings):
        table.add_row(f"{kept.severity}: {kept.name}", kept.observed, str(kept.offending))
    table.add_row("rejected rows", "", str(len(found.rejected)))
    for kind, rows, share in dropped.table(found.rejected, found.rows):
        table.add_row(f"  {kind}", share, rows)
    for probe in (*found.blocking, *found.suspects):
        name = f"{probe.name} in {probe.dataset}"
        table.add_row(f"shortcut ({probe.outcome}): {name}", interval(probe.accuracy), "")
    return table


def left_out(found: Validation) -> list[RenderableType]:
    """Rows of the source that were left out, by kind; none where all could be used."""
    table = table_of("left out", ">rows", ">share")
    for row in dropped.table(found.rejected, found.rows):
        table.add_row(*row)
    return [table] if found.rejected else []


def table_of(*columns: str) -> Table:
    """An empty table; a column whose name begins with ``>`` holds numbers.

    These stay whole in a narrow terminal and are aligned right; an interval goes below its value.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        numeric = name.startswith(">")
        table.add_column(name[numeric:], justify="right" if numeric else "left", no_wrap=numeric)
    return table


def console() -> Console:
    """The terminal, or a page of fixed width where there is none; text is never markup."""
    terminal = Console(markup=False, highlight=False)
    if not terminal.is_terminal:
        terminal.width = _WIDTH
    return terminal
