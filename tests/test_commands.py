"""`python -m assay keys | accounts | captures | lineage | audit | deployments` on a real store."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from assay import __main__ as command
from assay import home
from assay.commands import accounts, keys
from assay.store import (
    Deployment,
    HumanLabel,
    LearnedCapture,
    Role,
    Scope,
    Sibling,
    Store,
    StoreSettings,
    Vote,
)
from assay.store.deployments import Action, State, Subject
from assay.store.ids import new_id
from tests.captures import kept

Told = Callable[..., str]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store that the commands open too."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    monkeypatch.delenv("ASSAY_DATABASE_URL", raising=False)
    monkeypatch.delenv("ASSAY_IMAGES_URL", raising=False)
    monkeypatch.delenv("ASSAY_STORAGE_URL", raising=False)
    with Store.open(StoreSettings.from_environment(), drain=False) as opened:
        yield opened


@pytest.fixture
def told(store: Store, capsys: pytest.CaptureFixture[str]) -> Told:
    """What a command prints that succeeds."""

    def run(*words: str) -> str:
        assert command.main(words) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def facts(told: Told, *words: str) -> Any:
    return json.loads(told(*words, "--json"))


def test_created_key_is_found_by_the_secret_that_was_printed(store: Store, told: Told):
    made = facts(told, "keys", "create", "newsroom", "--scope", "detect", "--scope", "export")
    key = store.keys.find(made["secret"])
    assert (key.id, key.client, key.is_sandbox) == (made["id"], "newsroom", False)
    assert key.scopes == {Scope.DETECT, Scope.EXPORT}


def test_secret_is_printed_once(told: Told):
    lines = told("keys", "create", "newsroom", "--sandbox").split()
    (secret,) = (word for word in lines if word.startswith("assay_test_"))
    assert secret not in told("keys", "list") + told("keys", "list", "--json")
    assert "sandbox" in told("keys", "list")


def test_key_may_detect_and_read_unless_told_otherwise(told: Told):
    assert facts(told, "keys", "create", "newsroom")["scopes"] == ["detect", "read"]


def test_revoked_key_opens_nothing_and_stays_listed(store: Store, told: Told):
    made = facts(told, "keys", "create", "newsroom")
    assert made["id"] in told("keys", "revoke", made["id"])
    assert store.keys.find(made["secret"]) is None
    (listed,) = facts(told, "keys", "list")
    assert listed["revoked_at"]


def test_link_signs_its_account_in_once(store: Store, told: Told):
    told("accounts", "add", "Ada", "--role", "moderator")
    path = told("accounts", "link", "Ada").strip()
    assert path.startswith("/sign-in/")
    session = store.accounts.sign_in(path.removeprefix("/sign-in/"))
    account = store.accounts.find_session(session)
    assert (account.name, account.role) == ("Ada", Role.MODERATOR)
    assert store.accounts.sign_in(path.removeprefix("/sign-in/")) is None


def test_role_of_an_account_can_be_changed(told: Told):
    told("accounts", "add", "Ada", "--role", "viewer")
    assert told("accounts", "role", "Ada", "admin").strip() == "Ada is admin now"
    assert facts(told, "accounts", "list")[0]["role"] == "admin"


def test_disabled_account_is_listed_and_gets_no_link(
    told: Told, capsys: pytest.CaptureFixture[str]
):
    told("accounts", "add", "Ada", "--role", "admin")
    told("accounts", "disable", "Ada")
    assert facts(told, "accounts", "list")[0]["is_disabled"]
    assert "disabled" in told("accounts", "list")
    assert command.main(["accounts", "link", "Ada"]) == command.WRONG_NAME
    assert "cannot sign in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["accounts", "add", "Ada", "--role", "viewer"], command.WRONG_NAME, "already"),
        (["accounts", "link", "Adda"], command.WRONG_NAME, "did you mean 'Ada'?"),
        (["accounts", "disable", "Bob"], command.WRONG_NAME, "`accounts list`"),
        (["keys", "revoke", new_id()], command.FAILED, "`keys list`"),
        (["captures", "show", new_id()], command.FAILED, "no capture"),
        (["deployments", "show", new_id()], command.FAILED, "`deployments list`"),
        (["captures", "delete", "../x", "--yes"], command.FAILED, "no capture"),
    ],
)
def test_wrong_name_is_one_line(
    told: Told, capsys: pytest.CaptureFixture[str], words: list[str], status: int, message: str
):
    told("accounts", "add", "Ada", "--role", "moderator")
    assert command.main(words) == status
    text = capsys.readouterr().err
    assert message in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["accounts", "add", "Ada"],
        ["accounts", "add", "Ada", "--role", "king"],
        ["keys", "create", "x", "--scope", "everything"],
        ["deployments", "list", "--limit", "0"],
        *(["captures", "prune", "--older-than", age] for age in ("-1", "nan", "inf", "1e9", "x")),
    ],
)
def test_wrong_option_is_refused_before_the_store_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as left:
        command.main(words)
    assert left.value.code == command.WRONG_NAME
    assert list(tmp_path.iterdir()) == []


def test_capture_is_shown_with_its_siblings_and_decision(store: Store, told: Told):
    first = kept(store, "first", caption="A [flood]")
    link = Sibling(id=first.id, kind="same_content", sentence="The same content.")
    later = kept(store, "later", siblings=[link])
    store.feedback.record(first.id, "ada", Vote(HumanLabel.AUTHENTIC, action="allow"))
    shown = facts(told, "captures", "show", first.id)
    assert shown["siblings"][0]["id"] == later.id
    assert shown["decision"]["label"] == "authentic"
    text = told("captures", "show", first.id)
    for part in ("A [flood]", "manipulated, score 0.700", "authentic allow", later.id, "Local"):
        assert part in text


def test_deletion_is_asked_for_where_nobody_said_yes(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    made = kept(store)
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert command.main(["captures", "delete", made.id]) == command.WRONG_NAME
    assert "--yes" in capsys.readouterr().err
    assert store.captures.get(made.id) == made


@pytest.mark.parametrize(("answer", "is_deleted"), [(b"y\n", True), (b"\n", False)])
def test_deletion_does_what_the_terminal_says(store: Store, answer: bytes, is_deleted: bool):
    made = kept(store)
    terminal, other_end = pty.openpty()
    words = [sys.executable, "-m", "assay", "captures", "delete", made.id]
    with subprocess.Popen(
        words, cwd=home.REPOSITORY, stdin=other_end, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as deleting:
        os.write(terminal, answer)
        _, asked = deleting.communicate(timeout=60)
    os.close(terminal)
    os.close(other_end)
    assert b"[y/N]" in asked
    assert (store.captures.find(made.id).deleted_at is not None) == is_deleted


def test_pruning_takes_the_old_and_says_how_many(store: Store, told: Told):
    old = kept(store, "old", created_at=datetime.now(UTC) - timedelta(days=91))
    new = kept(store, "new", created_at=datetime.now(UTC))
    assert "deleted 1 capture served" in told("captures", "prune", "--older-than", "90")
    assert store.captures.find(old.id).deleted_at
    assert store.captures.get(new.id)
    assert facts(told, "captures", "prune", "--older-than", "90")["deleted"] == 0


@pytest.fixture
def deployed(store: Store) -> Deployment:
    subject = Subject("v3-1a2b", "3", "c" * 64, "plan-9", "train-7", "data-5", "abc1234")
    made = store.deployments.begin("local", Action.DEPLOY, "canary", "ci: 17", subject)
    return store.deployments.end(made.id, State.ROLLED_BACK, "ci: 17", "p95 was 3 s")


def test_deployments_are_listed_with_what_came_of_them(
    store: Store, told: Told, deployed: Deployment
):
    store.deployments.begin("compose", Action.ROLLBACK, "", "ada")
    newest, oldest = facts(told, "deployments", "list")
    assert (newest["action"], oldest["id"], oldest["state"]) == (
        "rollback",
        deployed.id,
        "rolled_back",
    )
    assert [one["target"] for one in facts(told, "deployments", "list", "--target", "local")] == [
        "local"
    ]
    assert len(facts(told, "deployments", "list", "--limit", "1")) == 1
    text = told("deployments", "list")
    for part in ("v3-1a2b", "canary", "rolled_back", "ci: 17"):
        assert part in text


def test_deployment_is_shown_with_where_it_comes_from(told: Told, deployed: Deployment):
    shown = facts(told, "deployments", "show", deployed.id)
    assert shown["subject"]["run"] == "train-7"
    text = told("deployments", "show", deployed.id)
    for part in ("v3-1a2b", "3 cccccccccccc", "plan-9", "train-7", "data-5", "abc1234", "- p95"):
        assert part in text


def test_who_did_it_is_in_the_audit_log_which_is_whole(store: Store, told: Told):
    told("captures", "delete", kept(store).id, "--yes")
    entry = list(store.audit.entries())[-1]
    assert entry.actor.startswith("command line")
    assert store.audit.head()[1] in told("audit", "verify")
    assert facts(told, "audit", "verify")["entries"] == entry.number


def test_changed_audit_log_is_a_failure_that_names_the_entry(
    store: Store, told: Told, capsys: pytest.CaptureFixture[str]
):
    for number in range(3):
        told("accounts", "add", str(number), "--role", "viewer")
    with store.database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit_log SET actor = 'bob' WHERE number = 2"))
    assert command.main(["audit", "verify"]) == command.FAILED
    assert "entry 2" in capsys.readouterr().out


def test_database_that_is_away_is_one_line(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    url = f"postgresql://x:hunter2@/none?host={tmp_path}"  # pragma: allowlist secret
    monkeypatch.setenv("ASSAY_DATABASE_URL", url)
    assert command.main(["keys", "list"]) == command.FAILED
    text = capsys.readouterr().err
    assert "ASSAY_DATABASE_URL" in text
    assert "hunter2" not in text
    assert (text.count("\n"), caplog.text) == (1, "")


def test_choices_are_those_of_the_store():
    assert tuple(Scope) == keys._SCOPES
    assert tuple(Role) == accounts._ROLES


@pytest.fixture
def learned(store: Store) -> str:
    """A capture that model m1, version 7, has learned from and answered."""
    made = kept(store, model_version="m1")
    note = LearnedCapture(
        made.id, f"capture-{made.id}", made.image_digest, "manipulated", "ada", ["ada"], "train"
    )
    store.lineage.record_dataset("d1", [note])
    store.lineage.record_model("m1", "d1", version="7")
    return made.id


def test_lineage_goes_from_an_answer_to_its_labellers(told: Told, learned: str):
    found = facts(told, "lineage", "answer", learned)
    assert found["model_version"] == "m1"
    assert found["made_of"]["labellers"] == {"ada": 1}
    assert [one["capture_id"] for one in found["made_of"]["captures"]] == [learned]
    assert "ada" in told("lineage", "answer", learned)


@pytest.mark.parametrize("name", ["m1", "7"])
def test_lineage_knows_a_model_by_both_names(told: Told, learned: str, name: str):
    assert facts(told, "lineage", "model", name)["model"]["datasets"] == ["d1"]
    assert learned in told("lineage", "model", name)


def test_lineage_names_a_parent_of_which_nothing_is_noted(store: Store, told: Told):
    store.lineage.record_model("m2", "d2", parent="first")
    assert "first" in told("lineage", "model", "m2")


def test_lineage_goes_from_an_image_to_its_models(store: Store, told: Told, learned: str):
    assert "m1" in told("lineage", "capture", learned)
    again = kept(store)
    (model,) = facts(told, "lineage", "capture", again.id)["models"]
    assert model["version"] == "7"
    assert "no dataset holds" in told("lineage", "capture", kept(store, "lagoon").id)


def test_lineage_tells_of_a_deleted_capture(store: Store, told: Told, learned: str):
    store.retention.delete(learned, "admin")
    (model,) = facts(told, "lineage", "capture", learned)["models"]
    assert [mark["capture_id"] for mark in model["marks"]] == [learned]
    assert "deleted since" in told("lineage", "capture", learned)


def test_lineage_of_an_unknown_model_is_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, value in home.environment().items():  # which the command sets: undone afterwards
        monkeypatch.setenv(name, value)
    assert command.main(["lineage", "model", "champion"]) == 1
    assert "learned from no captures" in capsys.readouterr().err


def test_lineage_of_a_model_without_captures_is_no_error(
    store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
):
    for name, value in home.environment().items():  # which the command sets: undone afterwards
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("assay.tracking.exists", lambda: True)
    monkeypatch.setattr("assay.model_registry.version_of", lambda alias: "3")
    monkeypatch.setattr("assay.model_registry.holds", lambda version: version == "3")
    assert "version 3 learned from no captures" in told("lineage", "model", "champion")
    assert facts(told, "lineage", "model", "3") == {"model": None, "version": "3"}


def test_a_case_file_that_is_gone_is_named_without_an_errno(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert command.main(["verify", str(tmp_path / "case.zip")]) == 1
    assert capsys.readouterr().err == (
        f"python -m assay: {tmp_path / 'case.zip'}: No such file or directory\n"
    )
