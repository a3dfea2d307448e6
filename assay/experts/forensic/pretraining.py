"""Pre-training of the experts' network: hours on endless generated pairs, resumable at any moment.

Its curves:

    train/map  train/manipulated  train/generated  train/histories  train/traits
                              terms of the loss, means since the last report
    validation/manipulation_auc  validation/synthesis_auc  validation/pixel_auc
                              of the averaged weights, on photographs that are not trained on
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from assay import hardware
from assay.errors import ConfigError
from assay.experts.card import ExpertsCard
from assay.experts.forensic import corpus, held_out
from assay.experts.forensic.corpus import Corpus
from assay.experts.forensic.supply import Batch, Pairs, Supply
from assay.experts.forensic.training import Run
from assay.experts.photographs import Photographs
from assay.experts.settings import PretrainingSettings
from assay.parallel import cores
from assay.progress import Progress

logger = logging.getLogger(__name__)

OnMetrics = Callable[[int, dict[str, float]], None]

WEIGHTS_FILE = "forensic.safetensors"

_REPORT_EVERY = 50
_HELD_OUT_EVERY = 7


def pretrain(
    photographs: Photographs,
    work: Path,
    settings: PretrainingSettings,
    git_commit: str,
    progress: Progress,
    on_metrics: OnMetrics,
) -> Path:
    """Return a folder of the trained weights and their card.

    Below ``work`` lie the decoded photographs and, by photographs and settings, the checkpoint
    from which a run that was killed goes on; what is finished is returned at once. One photograph
    in seven is held out. Raises `ConfigError` for fewer than two, and where more than ``steps``
    were trained already.
    """
    folder = work / settings.folder_name(photographs.content_hash)
    result, checkpoint = folder / f"result-{settings.steps}", folder / "checkpoint.safetensors"
    if result.exists():
        return result
    folder.mkdir(parents=True, exist_ok=True)
    stored = work / f"photographs-{photographs.content_hash[:16]}"
    album = corpus.build(photographs.files, stored, progress)
    run = _begun(settings, checkpoint)
    scores = _train(run, stored, len(album), checkpoint, _Reporter(run, progress, on_metrics))
    return _finished(run, _card(run, photographs, album, scores, git_commit), result)


def divided(count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Indices of photographs to train on, and of those held out: every seventh, at least one.

    Raises `ConfigError` for fewer than two.
    """
    if count < 2:
        raise ConfigError("pre-training needs at least two photographs; give a folder of more")
    held = tuple(range(_HELD_OUT_EVERY // 2, count, _HELD_OUT_EVERY)) or (0,)
    return tuple(i for i in range(count) if i not in held), held


class _Reporter:
    """Tells those who listen how a run fares, and keeps its time."""

    def __init__(self, run: Run, progress: Progress, on_metrics: OnMetrics) -> None:
        self._run, self._progress, self._on_metrics = run, progress, on_metrics
        self._terms: list[dict[str, Tensor]] = []
        self._note = ""
        self._mark = time.monotonic()

    def step(self, terms: dict[str, Tensor]) -> None:
        """Another step has ended, with these terms of its loss."""
        run, total = self._run, self._run.settings.steps
        since, self._mark = self._mark, time.monotonic()
        run.seconds += self._mark - since
        self._terms.append(terms)
        if run.step % _REPORT_EVERY == 0 or run.step == total:
            self._report_losses()
        self._progress(run.step, total, f"pre-training the experts{self._note}")

    def scores(self, test: list[Batch]) -> dict[str, float]:
        """Score the averaged weights on ``test`` and tell."""
        found = held_out.score(self._run.averaged(), test)
        self._on_metrics(self._run.step, found)
        return found

    def _report_losses(self) -> None:
        # Read once a report: reading makes a GPU wait.
        seen, self._terms = self._terms, []
        means = {n: float(torch.stack([terms[n] for terms in seen]).mean()) for n in seen[0]}
        self._note = f" (loss {sum(means.values()):.2f})"
        self._on_metrics(self._run.step, {f"train/{name}": mean for name, mean in means.items()})


def _begun(settings: PretrainingSettings, checkpoint: Path) -> Run:
    """A new run, or the one that ``checkpoint`` holds."""
    run = Run(settings, "cuda" if torch.cuda.is_available() else "cpu")
    if checkpoint.exists():
        run.load(checkpoint)
        logger.info("going on from step %d of %s", run.step, checkpoint)
    if run.step > settings.steps:
        raise ConfigError(
            f"pretraining.steps: {run.step:,} are trained already; ask for more, or another seed"
        )
    return run


def _train(
    run: Run, stored: Path, photographs: int, checkpoint: Path, reporter: _Reporter
) -> dict[str, float]:
    """Bring ``run`` to its last step; returns the scores of its averaged weights there."""
    settings, (training, watched) = run.settings, divided(photographs)
    pairs = Pairs(stored, watched, held_out.SEED)
    test = held_out.held_out_pairs(pairs, settings.held_out_pairs)
    for terms in _advanced(run, _supply(run, stored, training)):
        reporter.step(terms)
        if run.step % settings.checkpoint_every == 0 and run.step < settings.steps:
            run.save(checkpoint)
            reporter.scores(test)
    run.save(checkpoint)
    return reporter.scores(test)


def _advanced(run: Run, supply: Supply) -> Iterator[dict[str, Tensor]]:
    """Step after step until the last, with the terms of each one's loss."""
    if run.step >= run.settings.steps:
        return
    for batch in supply.batches(run.step):
        yield run.advance(batch)
        if run.step >= run.settings.steps:
            return


def _supply(run: Run, stored: Path, photographs: tuple[int, ...]) -> Supply:
    settings, workers = run.settings, run.settings.workers
    if workers is None:
        workers = cores() if run.device == "cuda" else 1
    window = max(settings.window, settings.pairs)
    drawn = settings.seed, settings.pairs, settings.reuse, window
    return Supply(stored, photographs, *drawn, workers)


def _card(
    run: Run,
    photographs: Photographs,
    album: Corpus,
    scores: dict[str, float],
    git_commit: str,
) -> ExpertsCard:
    training, watched = divided(len(album))
    return ExpertsCard(
        photographs=tuple(album.names[i] for i in training),
        held_out=tuple(album.names[i] for i in watched),
        left_out={**photographs.left_out, **album.left_out},
        photographs_hash=photographs.content_hash,
        settings=run.settings.model_dump(mode="json"),
        parameters=sum(parameter.numel() for parameter in run.network.parameters()),
        steps=run.step,
        hours=round(run.seconds / 3600, 3),
        device=hardware.summary(),
        scores={name.removeprefix("validation/"): round(s, 4) for name, s in scores.items()},
        git_commit=git_commit,
    )


def _finished(run: Run, card: ExpertsCard, result: Path) -> Path:
    """Write the result beside its place and move it there whole.

    The checkpoint stays, for a longer run to go on from.
    """
    unfinished = result.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    save_file(_halved(run.average), unfinished / WEIGHTS_FILE)
    card.save(unfinished)
    return unfinished.rename(result)


def _halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """In half precision, which changes no verdict and halves what a clone has to fetch."""
    return {
        name: (t.half() if t.is_floating_point() else t).cpu().contiguous()
        for name, t in tensors.items()
    }
