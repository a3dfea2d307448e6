"""All figures, each module in a process of its own: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.figures import Figure, show

MODULES = (
    "run_help",
    "dataset_building",
    "duplicates",
    "ray_data",
    "image_costs",
    "validation",
    "evidence",
    "memory",
    "training_throughput",
    "orchestration",
    "serving",
    "optimise",
    "store",
    "poisoning",
    "release",
    "rollout",
    "monitoring",
    "monitor_labels",
    "monitor_decisions",
    "downloading",
)


def main(names: list[str]) -> int:
    """Measure, print one table; 1 if a target is missed or a module fails."""
    figures, failed = [], False
    for name in names or MODULES:
        sys.stderr.write(f"measuring {name} ...\n")
        command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}", "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        lines = done.stdout.splitlines()
        failed |= not lines
        figures += [Figure(**fields) for fields in json.loads(lines[-1])] if lines else []
    show(figures)
    return int(failed or any(figure.missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
