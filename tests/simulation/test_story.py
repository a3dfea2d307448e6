from __future__ import annotations

from dataclasses import replace

from assay.simulation import page
from assay.simulation.record import quality
from assay.simulation.settings import SimulationSettings
from assay.simulation.story import noticed, told
from assay.store.loops import LoopState
from tests.simulation.made import CALM, NEW, answer, answers, recovered, week


def test_quality_counts_what_is_true_of_all_images():
    given = (
        *answers(found=4, new=10),
        answer("lost", status=0, label=None, score=None),
        answer("alarm", flagged=True),
    )
    found = quality(given, "resynthesis")
    assert (found.images, found.edited, found.failed) == (32, 20, 1)
    assert found.recall == 14 / 20
    assert found.new_recall == 4 / 10
    assert found.false_alarms == 1 / 11
    assert found.precision == 14 / 15
    assert found.missed_views == 6 * 100


def test_quality_of_one_class_has_no_auc():
    assert quality([answer("plain")], "resynthesis").auc is None
    assert quality([], "resynthesis").recall is None


def test_handed_images_are_not_counted_as_missed():
    seen = answer("new", "resynthesis", needs_review=True)
    assert quality([seen], "resynthesis").missed_views == 0


def test_change_is_noticed_where_a_column_drifts_before_anything_is_decided():
    weeks = recovered().weeks
    found = noticed(weeks, since=3)
    assert found is not None
    assert (found[0].number, found[1]) == (3, 30)
    assert noticed(weeks[:2], since=1) is None


def test_story_says_when_it_was_noticed_learned_and_recovered():
    played = recovered()
    truths = [quality(one.answers, "resynthesis") for one in played.weeks]
    text = " ".join(told(played.weeks, truths).sentences)
    assert "2 calm weeks: nothing was decided." in text
    assert "came in week 3; the monitor noticed at the end of week 3, after 30 images" in text
    assert "After week 4 it retrained: version 4 was judged better, and answers since." in text
    assert "10 % before version 4 answered, and 80 % after; its AUC" in text


def test_story_does_not_hide_what_went_wrong():
    weeks = (
        week(1, CALM, answers(0), "retrain", LoopState.REFUSED),
        week(2, NEW, answers(0, new=10)),
    )
    truths = [quality(one.answers, "resynthesis") for one in weeks]
    text = " ".join(told(weeks, truths).sentences)
    assert "1 calm week: in 1 of them something was decided." in text
    assert "The new manipulation of week 2 was not noticed." in text


def test_page_shows_every_week_with_its_reasons_and_loads_nothing():
    html = page.page(recovered()).html
    for part in ("why retrain", "f_lattice", "version 4 answers", "0.80 (0.70-0.90)", "30"):
        assert part in html
    assert 'src="http' not in html
    assert "<script" not in html


def test_page_of_a_calm_simulation_needs_no_change():
    calm = recovered()
    settings = SimulationSettings(weeks=(CALM, CALM), change=False)
    shown = page.page(replace(calm, settings=settings, weeks=calm.weeks[:2]))
    assert "nothing changes" in shown.title
    assert "noticed" not in page.summary(replace(calm, weeks=calm.weeks[:2]))["sentences"][0]
