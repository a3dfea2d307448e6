"""Pre-training of the experts' network: hours on endless generated pairs, resumable at any moment.

The learning rate warms up, stays, and decays over the last part, so that a longer run shares its
beginning with a shorter one; the weights that are judged and shipped are a running average. A
checkpoint is one safetensors file, and what follows it depends on its step alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from assay.errors import CheckpointMismatch, ConfigError
from assay.experts.forensic import corpus, held_out
from assay.experts.forensic.histories import TRAITS
from assay.experts.forensic.losses import losses
from assay.experts.forensic.network import ForensicNetwork, in_channels_last
from assay.experts.forensic.supply import Batch, Pairs, Supply
from assay.progress import Progress
from assay.settings import Settings

OnMetrics = Callable[[int, dict[str, float]], None]

_REPORT_EVERY = 50
_HELD_OUT_SHARE = 1 / 7


class PretrainingSettings(Settings):
    """How the experts' network is trained."""

    steps: int = Field(default=20_000, ge=1)
    pairs: int = Field(default=5, ge=1)
    """Pairs of an edited and an untouched image in a step."""
    reuse: int = Field(default=2, ge=1)
    """How often a pair is seen, flipped and turned at random."""
    window: int = Field(default=400, ge=1)
    """Pairs from which a step draws."""
    learning_rate: float = Field(default=1.5e-3, gt=0)
    warmup: int = Field(default=300, ge=1)
    decay_share: float = Field(default=0.3, ge=0, le=1)
    """Of the steps, at the end, over which the learning rate falls to zero."""
    averaging: float = Field(default=0.999, ge=0, lt=1)
    workers: int = Field(default=1, ge=0)
    """Processes that make pairs."""
    seed: int = 0
    checkpoint_every: int = Field(default=500, ge=1)
    held_out_pairs: int = Field(default=100, ge=2)
    """Pairs of photographs that are not trained on, scored at each checkpoint."""


def pretrain(
    photographs: Sequence[Path],
    work: Path,
    settings: PretrainingSettings,
    progress: Progress,
    on_metrics: OnMetrics,
) -> Path:
    """Return the file of the trained weights; continues where an earlier run was killed.

    One photograph in seven is held out. Raises `ConfigError` for fewer than two.
    """
    album = corpus.build(photographs, work / "corpus")
    training, watched = _divided(len(album))
    run = Run(settings, "cuda" if torch.cuda.is_available() else "cpu")
    checkpoint, result = work / "checkpoint.safetensors", work / "forensic.safetensors"
    if checkpoint.exists():
        run.load(checkpoint)
    pairs = Pairs(work / "corpus", watched, held_out.SEED)
    test = held_out.held_out_pairs(pairs, settings.held_out_pairs)
    for metrics in _advanced(run, _supply(settings, work / "corpus", training)):
        progress(run.step, settings.steps, "pre-training the experts")
        if run.step % _REPORT_EVERY == 0:
            on_metrics(run.step, {f"train/{name}": value for name, value in metrics.items()})
        if run.step % settings.checkpoint_every == 0 or run.step == settings.steps:
            run.save(checkpoint)
            on_metrics(run.step, held_out.score(run.averaged(), test))
    save_file(_halved(run.average), result)
    return result


def _halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """In half precision, which changes no verdict and halves what a clone has to fetch."""
    return {n: (t.half() if t.is_floating_point() else t).contiguous() for n, t in tensors.items()}


def _advanced(run: Run, supply: Supply) -> Any:
    """Step after step until the last, with the terms of each one's loss."""
    if run.step >= run.settings.steps:
        return
    for batch in supply.batches(run.step):
        yield run.advance(batch)
        if run.step >= run.settings.steps:
            return


def _supply(settings: PretrainingSettings, folder: Path, photographs: tuple[int, ...]) -> Supply:
    return Supply(
        folder,
        photographs,
        settings.seed,
        settings.pairs,
        settings.reuse,
        max(settings.window, settings.pairs),
        settings.workers,
    )


def _divided(count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Indices of photographs to train on, and of those held out: every seventh, at least one."""
    if count < 2:
        raise ConfigError("pre-training needs at least two photographs; give a folder of more")
    every = round(1 / _HELD_OUT_SHARE)
    held = tuple(range(every // 2, count, every)) or (0,)
    return tuple(i for i in range(count) if i not in held), held


def rate(step: int, settings: PretrainingSettings) -> float:
    """The learning rate of ``step``, as a share of the highest."""
    decay = max(1, round(settings.decay_share * settings.steps))
    left = min(1.0, (settings.steps - step) / decay)
    return min(1.0, (step + 1) / settings.warmup, 0.5 - 0.5 * math.cos(math.pi * left))


class Run:
    """A training under way: network, running average, optimizer and step."""

    def __init__(self, settings: PretrainingSettings, device: str) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.device = settings, device
        self.network = in_channels_last(ForensicNetwork(len(TRAITS))).to(device)
        state = self.network.state_dict()
        self.average = {
            name: tensor.clone().float() if tensor.is_floating_point() else tensor.clone()
            for name, tensor in state.items()
        }
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=0.02, betas=(0.9, 0.98)
        )
        self.step = 0

    def advance(self, batch: Batch) -> dict[str, float]:
        """One optimizer step; returns the terms of the loss."""
        moved = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * rate(self.step, self.settings)
        with torch.autocast(self.device, torch.bfloat16):
            opinion = self.network(moved["pixels"])
        terms = losses(opinion, moved)
        self._optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimizer.step()
        self.step += 1
        self._update_average()
        return {name: float(term.detach()) for name, term in terms.items()}

    def averaged(self) -> ForensicNetwork:
        """A network of the averaged weights."""
        network = ForensicNetwork(len(TRAITS)).to(self.device)
        network.load_state_dict(self.average)
        return network

    def _update_average(self) -> None:
        keep = min(self.settings.averaging, self.step / (self.step + 10))
        for name, tensor in self.network.state_dict().items():
            if tensor.is_floating_point():
                self.average[name].lerp_(tensor.float(), 1 - keep)

    def save(self, path: Path) -> None:
        """Write weights, average and optimizer state, whole or not at all."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self._optimizer.state[parameter].items():
                tensors[f"optimizer.{name}.{key}"] = value
        # A copy each: safetensors refuses tensors that share memory or are not contiguous.
        copies = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
        unfinished = path.with_suffix(".unfinished")
        save_file(copies, unfinished, {"step": str(self.step)})
        unfinished.replace(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote; raises `CheckpointMismatch` for another network's."""
        with safe_open(path, "pt", device=self.device) as file:
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            self.step = int(file.metadata()["step"])
        try:
            self.network.load_state_dict(_below("network.", stored))
        except RuntimeError as error:
            raise CheckpointMismatch(
                f"{path} is of another network; delete it ({error})"
            ) from error
        self.average = _below("average.", stored)
        for name, parameter in self.network.named_parameters():
            self._optimizer.state[parameter] = _below(f"optimizer.{name}.", stored)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
