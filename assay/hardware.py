"""The machine: what it is, in words that a reader can compare, and how precisely it multiplies.

The words belong into records about a run (tracking, model card), never into a model folder: the
same settings give the same folder on any machine.
"""

from __future__ import annotations

import platform
import re
from pathlib import Path

from assay.parallel import cores

_GIB = 2**30


def describe() -> dict[str, str]:
    """The facts ``processor``, ``cores`` (that may be used), ``memory`` and ``gpu`` (or none)."""
    return {
        "processor": _processor(),
        "cores": str(cores()),
        "memory": f"{_memory() / _GIB:.0f} GiB",
        "gpu": _gpu(),
    }


def summary() -> str:
    """`describe` in one line, such as ``AMD EPYC, 2 cores, 16 GiB memory, no GPU``."""
    facts = describe()
    number = f"{facts['cores']} core{'' if facts['cores'] == '1' else 's'}"
    gpu = "no GPU" if facts["gpu"] == "none" else facts["gpu"]
    return f"{facts['processor']}, {number}, {facts['memory']} memory, {gpu}"


def resolve_precision(requested: str, device: str = "") -> str:
    """``bf16`` or ``fp32``; ``auto`` takes bf16 where the hardware multiplies it natively.

    ``device`` is ``cuda`` or ``cpu``; empty is the fastest that is there.
    """
    import torch

    if requested != "auto":
        return requested
    if device != "cpu" and torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    features = torch.cpu.get_capabilities()
    return "bf16" if features.get("avx512_bf16") or features.get("amx_bf16") else "fp32"


def _processor() -> str:
    """The model name, which only Linux's ``/proc/cpuinfo`` says; else the architecture."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    named = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return named[1].strip() if named else platform.processor() or platform.machine()


def _memory() -> int:
    import psutil  # type: ignore[import-untyped]

    return int(psutil.virtual_memory().total)


def _gpu() -> str:
    """Each kind of visible CUDA device with its memory and how many there are, or ``none``."""
    import torch

    devices = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    names = [f"{device.name} ({device.total_memory / _GIB:.0f} GiB)" for device in devices]
    return ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names)) or "none"
