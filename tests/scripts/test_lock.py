"""The lock: what a resolution loses on its way into it, and what the committed file promises."""

import re
import tomllib

import pytest

from scripts import lock

LOCK = lock.LOCK.read_text()
RESOLUTION = """\
# comment of the tool
nvidia-cublas==13.1 ; sys_platform == 'linux' \\
    --hash=sha256:aa
    # via torch
nvidia-ml-py==12.0 \\
    --hash=sha256:bb
rich==15.0.0 \\
    --hash=sha256:cc \\
    --hash=sha256:dd
    # via assay (pyproject.toml)
torch==2.13.0+cpu \\
    --hash=sha256:ee \\
    --hash=sha256:ff
    # via assay (pyproject.toml)
triton==3.7.1 \\
    --hash=sha256:11
    # via torch
"""


def test_portable_drops_the_cuda_build_and_keeps_other_hashes() -> None:
    assert lock.portable(RESOLUTION) == lock.HEADER + (
        "nvidia-ml-py==12.0 \\\n    --hash=sha256:bb\n"
        "rich==15.0.0 \\\n    --hash=sha256:cc \\\n    --hash=sha256:dd\n"
        "    # via assay (pyproject.toml)\n"
        "torch==2.13.0\n    # via assay (pyproject.toml)\n"
    )


def test_portable_changes_nothing_twice() -> None:
    assert lock.portable(lock.portable(RESOLUTION)) == lock.portable(RESOLUTION)


@pytest.mark.parametrize(
    "unwanted", [r"\+", "://", "--find-links", "--index", "^triton", "nvidia-c"]
)
def test_lock_fits_any_machine(unwanted: str) -> None:
    assert not re.search(unwanted, LOCK, re.MULTILINE)


def test_lock_has_every_direct_dependency_at_its_pin() -> None:
    project = tomllib.loads((lock.ROOT / "pyproject.toml").read_text())
    for requirement in project["project"]["dependencies"] + project["dependency-groups"]["dev"]:
        name, pin = re.match(r"([\w-]+)(?:\[.*\])?(==[\w.]+)?", requirement).groups()
        assert re.search(rf"^{re.escape(name.lower() + (pin or '=='))}", LOCK, re.MULTILINE), name


def test_lock_hashes_everything_but_torch() -> None:
    entries = re.findall(r"^([a-z0-9][\w.-]*)==.*\n((?: .*\n)*)", LOCK, re.MULTILINE)
    assert [name for name, rest in entries if "--hash" not in rest] == ["torch"]
