"""A training under way: network, running average, optimizer and step, saved and read as one file.

The learning rate warms up, stays, and decays over the last part, so that a longer run shares its
beginning with a shorter one; the weights that are judged and shipped are the running average. What
follows a checkpoint depends on its step alone.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from assay.errors import CheckpointMismatch
from assay.experts.forensic.histories import TRAITS
from assay.experts.forensic.losses import losses
from assay.experts.forensic.network import ForensicNetwork, in_channels_last
from assay.experts.forensic.supply import Batch
from assay.experts.settings import PretrainingSettings
from assay.hardware import resolve_precision


def rate(step: int, settings: PretrainingSettings) -> float:
    """The learning rate of ``step``, as a share of the highest."""
    decay = max(1, round(settings.decay_share * settings.steps))
    left = min(1.0, (settings.steps - step) / decay)
    return min(1.0, (step + 1) / settings.warmup, 0.5 - 0.5 * math.cos(math.pi * left))


class Run:
    """What `save` and `load` keep, and how it moves on."""

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
        self._mixed = resolve_precision("auto", device) == "bf16"
        self.step = 0
        self.seconds = 0.0
        """Of training, those before a restart included."""

    def advance(self, batch: Batch) -> dict[str, Tensor]:
        """One optimizer step; returns the terms of the loss, on the device."""
        moved = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * rate(self.step, self.settings)
        with torch.autocast(self.device, torch.bfloat16, enabled=self._mixed):
            opinion = self.network(moved["pixels"])
        terms = losses(opinion, moved, self._draws())
        self._optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimizer.step()
        self.step += 1
        self._update_average()
        return {name: term.detach() for name, term in terms.items()}

    def averaged(self) -> ForensicNetwork:
        """A network of the averaged weights."""
        network = ForensicNetwork(len(TRAITS)).to(self.device)
        network.load_state_dict(self.average)
        return network

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
        save_file(copies, unfinished, {"step": str(self.step), "seconds": f"{self.seconds:.1f}"})
        unfinished.replace(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote; raises `CheckpointMismatch` for another network's."""
        try:
            with safe_open(path, "pt", device=self.device) as file:
                stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                facts = file.metadata() or {}
            self.network.load_state_dict(_below("network.", stored))
        except (RuntimeError, SafetensorError) as error:
            raise CheckpointMismatch(
                f"{path} is damaged or of another network; delete it ({error})"
            ) from error
        self.step, self.seconds = int(facts["step"]), float(facts.get("seconds", 0))
        for name, tensor in _below("average.", stored).items():
            self.average[name].copy_(tensor)
        for name, parameter in self.network.named_parameters():
            state = _below(f"optimizer.{name}.", stored)
            # AdamW reads its count of steps on the processor, wherever the weights are. Its
            # moments lie in memory as the weights do: in another order, several threads share the
            # work otherwise and the last bits differ from those of an uninterrupted run.
            self._optimizer.state[parameter] = {
                key: tensor.cpu() if key == "step" else torch.empty_like(parameter).copy_(tensor)
                for key, tensor in state.items()
            }

    def _draws(self) -> torch.Generator:
        """Random numbers of this step alone, so that a restart draws the same ones."""
        return torch.Generator(self.device).manual_seed((self.settings.seed << 32) + self.step)

    def _update_average(self) -> None:
        keep = min(self.settings.averaging, self.step / (self.step + 10))
        for name, tensor in self.network.state_dict().items():
            if tensor.is_floating_point():
                self.average[name].lerp_(tensor.float(), 1 - keep)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
