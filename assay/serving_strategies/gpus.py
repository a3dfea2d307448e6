"""What strategies that need an NVIDIA GPU ask of the machine."""

from __future__ import annotations

from importlib.util import find_spec


def lacking(package: str, remedy: str) -> str:
    """Why ``package`` cannot be used here, with the remedy; empty where it can."""
    import torch

    if not torch.cuda.is_available():
        return "it needs an NVIDIA GPU: serve from a machine with CUDA"
    return "" if find_spec(package) else f"{package} is not installed: {remedy}"
