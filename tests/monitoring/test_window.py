"""Which captures a window holds, and what is told of them beside the tests."""

from __future__ import annotations

from datetime import timedelta, timezone

import pandas as pd
import pytest

from assay.monitoring import window
from assay.monitoring.frame import window_frame
from assay.monitoring.kept import nothing
from assay.monitoring.numbers import Reference, ReferenceKind, WindowNumbers
from assay.monitoring.settings import DriftSettings, WindowSettings
from assay.monitoring.window import Refused
from assay.store import Refusal, Store
from assay.store.traffic import Span
from bento.refusals import Overloaded, code_of
from tests.captures import START, Clock, kept
from tests.monitoring.traffic import MODEL, serve

DAY = timedelta(days=1)
NO_REFERENCE = nothing()[0]
SPAN = Span(START, START + DAY, MODEL)


def measured(frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> WindowNumbers:
    kind = ReferenceKind.NONE if reference is None else ReferenceKind.FIRST_CAPTURES
    table = pd.DataFrame() if reference is None else reference
    about = Reference(kind=kind, captures=len(table), groups=len(table))
    return window.measure(frame, SPAN, (about, table), Refused({}, len(frame)), DriftSettings())


def test_first_window_reaches_back_as_far_as_may_be(store: Store, clock: Clock):
    found = window.choose(store, MODEL, NO_REFERENCE, WindowSettings(days=3))
    assert found == Span(clock.now - 3 * DAY, clock.now, MODEL)


def test_window_goes_on_where_the_last_large_enough_one_ended(store: Store, clock: Clock):
    for days, is_enough in ((1, True), (2, False)):
        until = START + days * DAY
        about = {"model_version": MODEL, "captures": 0, "groups": 0, "reference": NO_REFERENCE}
        store.windows.add(WindowNumbers(**about, since=START, until=until, is_enough=is_enough))
    clock.now = START + 3 * DAY
    assert window.choose(store, MODEL, NO_REFERENCE, WindowSettings()).since == START + DAY
    assert window.choose(store, "8", NO_REFERENCE, WindowSettings()).since == clock.now - 28 * DAY


def test_window_ends_now_at_the_latest(store: Store, clock: Clock):
    clock.now = START + DAY
    settings = WindowSettings(until=START + 3650 * DAY)
    assert window.choose(store, MODEL, NO_REFERENCE, settings).until == clock.now


def test_window_begins_after_its_own_reference(store: Store, clock: Clock):
    clock.now = START + 3 * DAY
    about = Reference(
        kind=ReferenceKind.FIRST_CAPTURES, captures=9, groups=9, since=START, until=START + DAY
    )
    found = window.choose(store, MODEL, about, WindowSettings())
    assert START + DAY < found.since < START + DAY + timedelta(seconds=1)


def test_limit_keeps_the_newest(store: Store, clock: Clock):
    clock.now = START + DAY
    serve(store, 30)
    found = window.choose(store, MODEL, NO_REFERENCE, WindowSettings(limit=10))
    assert found.since == START + timedelta(minutes=20)


def test_spooled_captures_belong_to_the_window(store: Store, clock: Clock):
    from tests.captures import capture, image

    store.captures.append(capture(created_at=START), image("harbour"))
    clock.now = START + DAY
    span = window.choose(store, MODEL, NO_REFERENCE, WindowSettings())
    assert len(window_frame(store, span.since, span.until)) == 1


def test_refusals_are_held_against_what_was_served_on_the_same_days(store: Store):
    kept(store)
    counts = {Refusal(START.date(), "platform", "unreadable_image"): 2}
    store.refusals.add({**counts, Refusal(START.date(), "forum", "unreadable_image"): 1})
    found = window.refused(store, Span(START, START + timedelta(hours=1), MODEL))
    assert found == Refused({"unreadable_image": 3}, 1)
    assert found.share == pytest.approx(0.75)
    assert Refused({}, 0).share is None


def test_small_window_says_so_and_nothing_else(store: Store):
    serve(store, 50)
    frame = window_frame(store)
    found = measured(frame, frame)
    assert (found.is_enough, found.drift, found.captures) == (False, (), 50)
    assert found.verdict_mix.keys() <= {"authentic", "manipulated"}


def test_window_without_a_reference_is_not_judged(store: Store):
    serve(store, 250)
    assert not measured(window_frame(store)).is_enough


def test_window_of_nothing_has_numbers(store: Store):
    found = measured(window_frame(store))
    assert (found.captures, found.review_share, found.quality.clients) == (0, None, {})


def test_burst_is_a_fact_about_the_data(store: Store):
    for picture in ("viral", "viral", "viral", "other"):
        kept(store, picture)
    quality = measured(window_frame(store)).quality
    assert (quality.largest_group, quality.largest_group_share) == (3, 0.75)
    assert quality.duplicates_share == pytest.approx(0.5)
    assert quality.clients == {"platform": 1.0}


def test_values_that_went_missing_are_told(store: Store):
    serve(store, 250)
    frame = window_frame(store)
    found = measured(frame.assign(d_contrast=float("nan")).drop(columns="d_entropy"), frame)
    assert found.quality.missing == {"d_contrast": 1.0, "d_entropy": 1.0}
    assert found.quality.lost == 1.0


def test_a_value_that_few_ever_had_is_no_loss(store: Store):
    serve(store, 250)
    frame = window_frame(store)
    rare = frame["d_contrast"].where(frame.index % 5 == 0)
    found = measured(frame.drop(columns="d_contrast"), frame.assign(d_contrast=rare))
    assert found.quality.missing == {"d_contrast": 1.0}
    assert found.quality.lost == pytest.approx(0.2)


def test_flips_are_counted_among_what_was_checked(store: Store):
    for name, label in (("a", "authentic"), ("b", "manipulated")):
        kept(store, name, stability={"jpeg 70": {"label": label, "score": 0.4}})
    kept(store, "c")
    rate = measured(window_frame(store)).flip_rate
    assert rate is not None
    assert (rate.value, rate.n) == (0.5, 2)
    assert rate.low < 0.5 < rate.high


def test_days_are_those_of_utc_in_whatever_zone_a_span_is_given(store: Store):
    kept(store)
    store.refusals.add({Refusal(START.date(), "platform", "unreadable_image"): 1})
    east = timezone(timedelta(hours=13))  # where it is the day after
    span = Span(START.astimezone(east), (START + timedelta(hours=1)).astimezone(east), MODEL)
    assert window.refused(store, span).served == 1


def test_images_that_were_asked_to_come_again_are_not_refused(store: Store):
    kept(store)
    code = code_of(Overloaded.__name__)
    store.refusals.add({Refusal(START.date(), "in a hurry", code): 900})
    assert window.refused(store, Span(START, START + DAY, MODEL)) == Refused({}, 1)
