"""The page of a release: what was packaged, what it had to do, and what came of it."""

from __future__ import annotations

from assay.release import Release
from assay.release_proof import Proof
from assay.reports.page import Page, render


def page(release: Release, proof: Proof) -> Page:
    """Verdict first; then where the release comes from, and each check with its sentence."""
    return render(
        "release.html",
        f"Release {release.name}",
        release=release,
        proof=proof,
        passed=sum(finding.passed for finding in proof.findings),
        cold_start="never ready" if proof.cold_start is None else f"{proof.cold_start:.1f} s",
        origin=_origin(release),
    )


def _origin(release: Release) -> list[tuple[str, str]]:
    rows = {
        "model version": release.model_version,
        "content of the model": release.model_content[:12],
        "serving plan": release.plan or "the default",
        "dataset": release.dataset_version,
        "run that trained it": release.run,
        "commit of the code": release.git_commit,
        "built": release.built_at,
        "bento": str(release.bento),
    }
    return [(name, value or "not known") for name, value in rows.items()]
