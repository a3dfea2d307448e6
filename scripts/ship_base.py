"""Make the tiny base that the newest training warmed up the one that ships with Assay.

    .venv/bin/python run.py --pipeline train --config configs/train_teach.yaml
    .venv/bin/python scripts/ship_base.py

Writes assay/models/tiny: weights in half precision, tokenizer, image settings, and a card that says
what they are made of.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assay import home, model_registry, models
from assay.model_folder import read_facts
from assay.models.tiny_qwen2_5_vl import CARD, SHIPPED


def main() -> int:
    """Convert the base of the newest registered model; returns the exit status."""
    home.prepare_environment()
    name = sys.argv[1] if len(sys.argv) > 1 else "latest"
    folder = Path(name) if Path(name).is_dir() else model_registry.fetch(name)
    facts = read_facts(folder)
    if not facts["base"]["warm_up"]:
        sys.stderr.write(
            f"ship_base: {folder} started from a base that was not taught in its run\n"
        )
        return 1
    family = models.family(facts["family"])
    unfinished = SHIPPED.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    family.load_model(folder / "base").half().save_pretrained(unfinished)
    family.load_processor(folder / "base").save(unfinished)
    card = {key: facts[key] for key in ("prompt_version", "dataset_version", "base")}
    text = json.dumps(card | {"options": facts["base"]["options"]}, indent=2, sort_keys=True)
    (unfinished / CARD).write_text(f"{text}\n", encoding="utf-8")
    shutil.rmtree(SHIPPED, ignore_errors=True)
    unfinished.rename(SHIPPED)
    sys.stdout.write(f"{SHIPPED}: {sum(f.stat().st_size for f in SHIPPED.iterdir()) >> 10} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
