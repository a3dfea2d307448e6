"""What is taken of people's labels, what is not, and that each omission is listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from assay import dataset_builder
from assay.dataset import Dataset
from assay.label_intake import Intake, IntakeSettings, Reason
from assay.label_intake.collecting import collect, load
from assay.records import Label, Split
from assay.store import HumanLabel, Store, Vote
from tests import datasets
from tests.captures import START, Clock
from tests.labels import SINCE, UNTIL, base_samples, by_split, labelled, picture, served

OPEN = IntakeSettings(client_share=1, labeller_share=1, newest_share=0, workers=1)
FAKE, REAL = HumanLabel.MANIPULATED, HumanLabel.AUTHENTIC


def taken_in(
    store: Store, base: Dataset, tmp_path: Path, settings: IntakeSettings = OPEN, **span: object
) -> Intake:
    between = {"since": SINCE, "until": UNTIL, **span}
    return collect(store, base, settings=settings, folder=tmp_path / "labels", **between)


def reasons(intake: Intake) -> dict[str, Reason]:
    return {one.capture_id: one.reason for one in intake.left_out}


def built(intake: Intake, tmp_path: Path) -> Dataset:
    data = intake.data().model_copy(update={"workers": 1})
    return dataset_builder.build_dataset(data, tmp_path / "built")


def test_label_is_a_persons_never_the_models(store: Store, base: Dataset, tmp_path: Path) -> None:
    judged = labelled(store, 1, REAL)
    served(store, 2)
    (taken,) = taken_in(store, base, tmp_path).taken
    assert (taken.capture_id, taken.label, taken.model_label) == (
        judged.id, Label.AUTHENTIC, Label.MANIPULATED,
    )  # fmt: skip


def test_dataset_holds_the_older_rows_and_the_image_as_received(
    store: Store, base: Dataset, tmp_path: Path
) -> None:
    labelled(store, 1, FAKE)
    intake = taken_in(store, base, tmp_path)
    dataset = built(intake, tmp_path)
    rows = {one.image_id: one for one in dataset.samples()}
    assert rows[intake.taken[0].image_id].image == picture(1)
    assert {one.image_id: one for one in base.samples()}.items() <= rows.items()
    assert by_split(dataset, Split.TEST) == by_split(base, Split.TEST)


def test_vote_that_was_undone_is_no_label(store: Store, base: Dataset, tmp_path: Path) -> None:
    one = labelled(store, 1, FAKE)
    store.feedback.undo(store.feedback.history(one.id)[0].id, "ada")
    assert taken_in(store, base, tmp_path).taken == ()


def test_labels_of_who_is_trusted_by_now_are_taken_though_their_days_are_gone(
    store: Store, base: Dataset, tmp_path: Path
) -> None:
    one = labelled(store, 1, FAKE, "eve")
    later = {"since": UNTIL, "until": UNTIL + timedelta(days=30)}
    assert taken_in(store, base, tmp_path, **later).taken == ()
    trusting = OPEN.model_copy(update={"trusted": ("eve",)})
    (taken,) = taken_in(store, base, tmp_path, trusting, **later).taken
    assert taken.capture_id == one.id


def test_span_leaves_out_what_was_served_after_it(
    store: Store, base: Dataset, tmp_path: Path
) -> None:
    inside = labelled(store, 1, FAKE)
    labelled(store, 2, FAKE, created_at=UNTIL)
    assert [one.capture_id for one in taken_in(store, base, tmp_path).taken] == [inside.id]


def test_what_was_judged_late_is_learned_from_but_is_none_of_the_news(
    store: Store, base: Dataset, tmp_path: Path
) -> None:
    new = [labelled(store, seed, (FAKE, REAL)[seed % 2]).id for seed in range(1, 9)]
    late = labelled(store, 20, FAKE, created_at=SINCE - timedelta(days=30)).id
    settings = OPEN.model_copy(update={"newest_share": 0.4})
    split = {one.capture_id: one.split for one in taken_in(store, base, tmp_path, settings).taken}
    assert split.keys() == {*new, late}
    assert Split.NEWEST in split.values()
    assert split[late] is not Split.NEWEST


def test_span_without_time_is_refused(store: Store, base: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="swap them"):
        taken_in(store, base, tmp_path, since=UNTIL, until=SINCE)


def test_image_that_was_not_kept_is_listed(store: Store, base: Dataset, tmp_path: Path) -> None:
    one = labelled(store, 1, FAKE, keep_image=False)
    assert reasons(taken_in(store, base, tmp_path)) == {one.id: Reason.NOT_KEPT}


def test_two_labels_are_a_conflict_that_goes_back_to_review(
    store: Store, base: Dataset, tmp_path: Path, clock: Clock
) -> None:
    one = labelled(store, 1, FAKE, "ada")
    store.feedback.record(one.id, "bob", Vote(REAL))
    intake = taken_in(store, base, tmp_path)
    assert reasons(intake) == {one.id: Reason.CONFLICT}
    (conflict,) = intake.conflicts
    assert (conflict.labels, conflict.is_reopened) == (
        {"ada": "manipulated", "bob": "authentic"}, True,
    )  # fmt: skip
    assert store.review.claim("ada") is None
    case = store.review.claim("cleo")
    assert case.reason == "conflict"
    assert taken_in(store, base, tmp_path).taken == ()
    clock.advance(60)
    store.review.decide(case.id, "cleo", Vote(FAKE))
    (settled,) = taken_in(store, base, tmp_path).taken
    assert (settled.label, settled.labeller) == (Label.MANIPULATED, "cleo")


def test_conflict_is_in_the_audit_log(store: Store, base: Dataset, tmp_path: Path) -> None:
    one = labelled(store, 1, FAKE, "ada")
    store.feedback.record(one.id, "bob", Vote(REAL))
    taken_in(store, base, tmp_path)
    actions = {entry.action: entry for entry in store.audit.entries()}
    assert actions["label.conflict"].subject == one.id
    assert actions["labels.intake"].details == {"taken": 0, "left_out": 1}


def test_appeal_settles_and_is_no_conflict(
    store: Store, base: Dataset, tmp_path: Path, clock: Clock
) -> None:
    one = labelled(store, 1, FAKE, "ada")
    store.review.appeal(one.id, "platform", "")
    assert reasons(taken_in(store, base, tmp_path)) == {one.id: Reason.OPEN}
    clock.advance(60)
    store.feedback.record(one.id, "bob", Vote(REAL))
    (taken,) = taken_in(store, base, tmp_path).taken
    assert taken.label is Label.AUTHENTIC


def test_same_person_may_think_better_of_it(store: Store, base: Dataset, tmp_path: Path) -> None:
    one = labelled(store, 1, FAKE, "ada")
    store.feedback.record(one.id, "ada", Vote(REAL))
    assert taken_in(store, base, tmp_path).taken[0].label is Label.AUTHENTIC


def test_pixel_equal_captures_are_one_image(store: Store, base: Dataset, tmp_path: Path) -> None:
    first, second = labelled(store, 1, FAKE), served(store, 1)
    (taken,) = taken_in(store, base, tmp_path).taken
    assert taken.image_digests.keys() == {first.id, second.id}
    assert set(taken.image_digests.values()) == {first.image_digest}


def test_near_duplicates_share_group_and_split(store: Store, base: Dataset, tmp_path: Path) -> None:
    labelled(store, 1, FAKE)
    labelled(store, 1, FAKE, quality=90)
    labelled(store, 2, FAKE)
    taken = taken_in(store, base, tmp_path).taken
    assert len(taken) == 3
    assert len({one.group for one in taken}) == 2
    assert len({(one.group, one.split) for one in taken}) == 2


def test_known_image_is_not_taken_twice(store: Store, base: Dataset, tmp_path: Path) -> None:
    one = labelled(store, 1000, REAL)
    assert reasons(taken_in(store, base, tmp_path)) == {one.id: Reason.KNOWN}


def test_label_against_the_older_dataset_is_a_conflict(
    store: Store, base: Dataset, tmp_path: Path, clock: Clock
) -> None:
    one = labelled(store, 1000, FAKE)
    (conflict,) = taken_in(store, base, tmp_path).conflicts
    assert conflict.labels == {"dataset": "authentic", "ada": "manipulated"}
    assert store.review.claim("bob").captures[0].id == one.id


def test_near_duplicate_of_the_test_split_stays_out(
    store: Store, base: Dataset, tmp_path: Path
) -> None:
    of_test, of_training = (
        labelled(store, 1006, REAL, quality=90),
        labelled(store, 1000, REAL, quality=90),
    )
    intake = taken_in(store, base, tmp_path)
    assert reasons(intake) == {of_test.id: Reason.NEAR_TEST}
    (taken,) = intake.taken
    assert (taken.capture_id, taken.group, taken.split) == (of_training.id, "older-0", Split.TRAIN)
    built(intake, tmp_path).check_splits()


@pytest.mark.parametrize("split", [Split.ONLINE_TEST, Split.PRODUCTION])
def test_near_duplicate_of_a_later_split_stays_out(
    store: Store, tmp_path: Path, split: Split
) -> None:
    rows = [replace(s, split=split) if s.split is Split.TEST else s for s in base_samples()]
    one = labelled(store, 1006, REAL, quality=90)
    base = datasets.stored(tmp_path / "base", rows)
    assert reasons(taken_in(store, base, tmp_path)) == {one.id: Reason.NEAR_TEST}


def test_newest_groups_are_held_out_whole(store: Store, base: Dataset, tmp_path: Path) -> None:
    for seed in range(1, 9):
        labelled(store, seed, FAKE if seed % 2 else REAL)
    labelled(store, 1, FAKE, quality=90, created_at=START + timedelta(days=20))
    settings = OPEN.model_copy(update={"newest_share": 0.25})
    intake = taken_in(store, base, tmp_path, settings)
    held = intake.of_split(Split.NEWEST)
    assert {one.group for one in held}.isdisjoint(one.group for one in intake.of_split(Split.TRAIN))
    assert {one.captured_at for one in held} <= {START + timedelta(minutes=m) for m in range(5, 9)}
    dataset = built(intake, tmp_path)
    assert by_split(dataset, Split.NEWEST) == {one.image_id for one in held}
    dataset.check_trainable()


def test_former_newest_window_is_learned_from_next_time(store: Store, tmp_path: Path) -> None:
    first, *others = base_samples()
    held = replace(first, split=Split.NEWEST)
    base = datasets.stored(tmp_path / "base", [held, *others])
    labelled(store, 1, FAKE)
    dataset = built(taken_in(store, base, tmp_path), tmp_path)
    assert held.image_id in by_split(dataset, Split.TRAIN)


def test_deleted_capture_leaves_the_older_dataset_too(store: Store, tmp_path: Path) -> None:
    base = datasets.stored(tmp_path / "base", base_samples())
    gone, stays = labelled(store, 1, FAKE), labelled(store, 2, FAKE)
    first = built(taken_in(store, base, tmp_path), tmp_path)
    store.retention.delete(gone.id, "admin")
    second = built(taken_in(store, first, tmp_path), tmp_path)
    names = set(second.table(["image_id"])["image_id"].to_pylist())
    assert f"capture-{gone.id}" not in names
    assert f"capture-{stays.id}" in names


def test_newer_word_replaces_an_older_label_of_people(
    store: Store, base: Dataset, tmp_path: Path, clock: Clock
) -> None:
    one = labelled(store, 1, FAKE)
    first = built(taken_in(store, base, tmp_path), tmp_path)
    store.review.appeal(one.id, "platform", "")
    clock.advance(60)
    store.feedback.record(one.id, "bob", Vote(REAL))
    intake = taken_in(store, first, tmp_path)
    assert [row.image_id for row in intake.dropped] == [f"capture-{one.id}"]
    rows = {row.image_id: row for row in built(intake, tmp_path).samples()}
    assert rows[f"capture-{one.id}"].label is Label.AUTHENTIC


def test_intake_is_told_in_a_sentence(store: Store, base: Dataset, tmp_path: Path) -> None:
    assert taken_in(store, base, tmp_path).sentence == "0 labelled images taken in"
    for seed in range(1, 5):
        labelled(store, seed, FAKE)
    told = taken_in(store, base, tmp_path).sentence
    assert told.startswith("4 labelled images taken in (4 manipulated; ")


def test_intake_comes_again_the_same(store: Store, base: Dataset, tmp_path: Path) -> None:
    for seed in range(1, 5):
        labelled(store, seed, FAKE)
    first = taken_in(store, base, tmp_path)
    fingerprint = dataset_builder.sources.create("captures", first.data().options).fingerprint()
    second = taken_in(store, base, tmp_path)
    assert second == first == load(tmp_path / "labels")
    again = dataset_builder.sources.create("captures", second.data().options).fingerprint()
    assert again == fingerprint


def test_client_is_held_to_its_share(store: Store, base: Dataset, tmp_path: Path) -> None:
    for seed in range(1, 13):
        labelled(store, seed, FAKE, client="loud")
    quiet = labelled(store, 20, FAKE, client="quiet")
    settings = OPEN.model_copy(update={"client_share": 0.25})
    intake = taken_in(store, base, tmp_path, settings)
    loud = [one for one in intake.taken if one.client == "loud"]
    whole = 10 + len(intake.taken)
    assert len(loud) / whole <= 0.25 < (len(loud) + 1) / (whole + 1) + 0.05
    assert quiet.id in {one.capture_id for one in intake.taken}
    assert set(reasons(intake).values()) == {Reason.CLIENT_CAP}


def test_share_is_of_what_is_learned_from_not_of_the_newest_window(
    store: Store, base: Dataset, tmp_path: Path
) -> None:
    for seed in range(1, 7):
        labelled(store, seed, FAKE if seed % 2 else REAL, client="early")
    for seed in range(7, 13):
        labelled(store, seed, FAKE if seed % 2 else REAL, client=f"late-{seed}")
    settings = OPEN.model_copy(update={"client_share": 0.25, "newest_share": 0.5})
    intake = taken_in(store, base, tmp_path, settings)
    learned = [one for one in intake.taken if one.split is not Split.NEWEST]
    early = sum(one.client == "early" for one in learned)
    assert intake.of_split(Split.NEWEST)
    assert 0 < early <= 0.25 * (10 + len(learned))
