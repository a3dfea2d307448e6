"""The tests' renderer of overlays: it does what the original does, or says that it cannot."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts.set_up import ROOT
from tests.infra.kustomize import Manifest, render

OVERLAYS = ROOT / "infra" / "kubernetes" / "overlays"
ENVIRONMENTS = ("dev", "staging", "canary", "production")


def by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {(one["kind"], one["metadata"]["name"]): one for one in manifests}


if shutil.which("kubectl"):  # Debian's is too old for these overlays; CI holds to the one below

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_render_agrees_with_kubectl(environment: str) -> None:
        command = ["kubectl", "kustomize", OVERLAYS / environment]
        original = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert by_name(render(OVERLAYS / environment)) == by_name(
            list(yaml.safe_load_all(original))
        )


def kustomization(folder: Path, settings: str) -> Path:
    (folder / "kustomization.yaml").write_text(settings)
    (folder / "map.yaml").write_text("{kind: ConfigMap, metadata: {name: a}, data: {x: '1'}}")
    return folder


def test_render_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    folder = kustomization(tmp_path, "{resources: [map.yaml], namePrefix: my-}")
    with pytest.raises(ValueError, match="namePrefix"):
        render(folder)


def test_render_refuses_a_patch_that_fits_nothing(tmp_path: Path) -> None:
    (tmp_path / "patch.yaml").write_text("{kind: ConfigMap, metadata: {name: b}}")
    folder = kustomization(tmp_path, "{resources: [map.yaml], patches: [{path: patch.yaml}]}")
    with pytest.raises(ValueError, match="fits 0 objects"):
        render(folder)
