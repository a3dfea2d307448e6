"""The documentation holds: commands, targets, files and settings that it names exist."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import __main__, parameters

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PIPELINES = sorted(p.stem for p in (ROOT / "pipelines").glob("[!_]*.py"))
COMMANDS = sorted(set(re.findall(r"run\.py (--pipeline [a-z][^`\n|]*)", README)))
MODULE_COMMANDS = sorted(set(re.findall(r"^\$ python -m assay (.*)$", README, re.MULTILINE)))
MADE_AT_RUN_TIME = (".venv", ".assay", "my_images", "scores.csv", "manifest.csv")


def tree() -> list[str]:
    """The paths of the annotated tree, each below the last line that is indented less."""
    block = README.split("```text\n")[1].split("```")[0]
    paths: dict[int, str] = {}
    found = []
    for line in block.splitlines():
        if line.lstrip().startswith("#"):
            continue
        depth = len(line) - len(line.lstrip())
        name = line.split()[0]
        paths[depth] = paths[depth - 2] + name if depth else name
        found.append(paths[depth])
    return found


def named_files(text: str) -> list[str]:
    """Words in backticks, and link targets, that read like a path of the repository."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    words = re.findall(r"`([\w./-]+)`", prose) + re.findall(r"\]\(([\w./-]+)\)", prose)
    paths = {w for w in words if "/" in w.strip("/") or w.endswith(("/", ".py", ".toml", ".md"))}
    return sorted(p for p in paths if not p.startswith((*MADE_AT_RUN_TIME, "..", "/")))


def routes() -> list[str]:
    """Every method and path that the README's table of routes names, short forms written out."""
    table = README.split("| route | what for |")[1].split("\n\n")[0]
    found = []
    for row in table.splitlines()[2:]:
        method, base = "GET", ""
        for words in re.findall(r"`([^`]+)`", row.split("|")[1] + row.split("|")[2]):
            match = re.fullmatch(r"(?:([A-Z]+) )?(/[\w./{}-]*|\.svg)", words)
            if match is None:
                continue
            method, path = match[1] or method, match[2]
            base = path if path.startswith("/v1/") else base
            found.append(f"{method} {_written_out(base, path)}")
    return found


def _written_out(base: str, path: str) -> str:
    """``path``, which may be the end of a route that is like ``base``."""
    if path.startswith("/v1/") or path.endswith("z") or path == "/metrics":
        return path
    if path.startswith("."):
        return base.rpartition(".")[0] + path
    return base[: base.index("{id}") + len("{id}")] + path


@pytest.mark.parametrize("path", tree())
def test_tree_names_what_exists(path: str) -> None:
    assert (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).is_file()


@pytest.mark.parametrize("package", ["assay", "bento"])
def test_tree_names_every_module(package: str) -> None:
    folders = {f"{package}/{path.parent.name}/" for path in (ROOT / package).glob("*/__init__.py")}
    files = {f"{package}/{path.name}" for path in (ROOT / package).glob("*.py")}
    assert folders | files - {f"{package}/__init__.py"} <= set(tree())


def test_every_variable_of_the_service_is_in_the_table() -> None:
    from assay import home, signing_keys
    from assay.store import settings as store
    from bento import logs, serving
    from bento.settings import ServiceSettings

    table = README.split("| variable | what | default |")[1].split("\n\n")[0]
    keys = {signing_keys.URLS, signing_keys.CASES, signing_keys.WEBHOOKS, logs.FORMAT_VARIABLE}
    places = {store.DATABASE_VARIABLE, store.IMAGES_VARIABLE, store.WEBHOOK_VARIABLE}
    places |= {serving.PLAN_VARIABLE, store.AUDIT_VARIABLE, home.STORAGE_VARIABLE}
    fields = {f"ASSAY_{field.upper()}" for field in ServiceSettings.model_fields}
    assert set(re.findall(r"ASSAY_[A-Z_]+", table)) == keys | places | fields


@pytest.mark.parametrize("path", named_files(README) + named_files(CONTRIBUTING))
def test_named_file_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.fixture(scope="module")
def known() -> dict[str, dict[str, object]]:
    """The operations of the contract by path and method."""
    from bento.api.app import create_app

    return create_app().openapi()["paths"]


@pytest.mark.parametrize("named", routes())
def test_route_exists(named: str, known: dict[str, dict[str, object]]) -> None:
    method, path = named.split(" ")
    start = re.escape(path).replace(r"\{id\}", r"\{\w+\}").removesuffix(r"\.\.\.")
    whole = "" if path.endswith("...") else "$"
    fitting = [route for route in known if re.match(start + whole, route)]
    assert any(method.lower() in known[route] for route in fitting), sorted(known)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|\$ )make ([a-z]+)", README))))
def test_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", PIPELINES)
def test_every_pipeline_has_a_row_with_its_command(name: str) -> None:
    assert re.search(rf"^\| `{name}` \| `run\.py --pipeline {name}\b", README, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_names_a_pipeline_and_settings_that_are_valid(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_images").mkdir()
    (tmp_path / "my_images" / "one.jpg").touch()
    monkeypatch.chdir(tmp_path)
    _, name, *options = shlex.split(command)
    given = list(zip(options[::2], options[1::2], strict=True))
    config = next((ROOT / value for flag, value in given if flag == "--config"), None)
    values = parameters.read(config, [value for flag, value in given if flag == "--set"])
    schema = parameters.signature(ROOT / "pipelines" / f"{name}.py")
    if values or name in {"train", "data_validation"}:
        assert parameters.validate(schema, values)


@pytest.mark.parametrize("words", MODULE_COMMANDS)
def test_command_of_the_module_is_one(words: str) -> None:
    assert __main__.parser().parse_args(shlex.split(words)).answer is not None


def test_every_verb_of_the_module_is_shown() -> None:
    shown = {" ".join(shlex.split(words)[:2]) for words in MODULE_COMMANDS}
    of_one_word = {words for words in shown if words.split()[0] in ("verify", "load")}
    shown = shown - of_one_word | {words.split()[0] for words in of_one_word}
    assert shown == {*verbs(__main__.parser())}


def verbs(parser: argparse.ArgumentParser) -> Iterator[str]:
    """What can be asked of the module, as in ``datasets list``."""
    for action in parser._subparsers._group_actions if parser._subparsers else ():
        for name, below in action.choices.items():
            yield from [f"{name} {verb}" for verb in verbs(below)] or [name]


def test_decisions_are_all_in_their_index() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text())
    assert sorted(listed) == sorted(p.name for p in folder.glob("[0-9]*.md"))


def test_example_of_contributing_runs() -> None:
    import numpy as np

    example = CONTRIBUTING.split("```python\n")[1].split("```")[0]
    scope: dict[str, type] = {}
    exec(example, scope)
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    edited, mask = scope["Mirror"]().apply(image, image, np.random.default_rng(0))
    assert (edited[~mask] == image[~mask]).all()
    assert mask[:, 6:].any()
