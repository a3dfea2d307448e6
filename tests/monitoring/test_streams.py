"""The whole of it on simulated traffic: calm streams stay calm, changes are seen and acted upon."""

from __future__ import annotations

from assay.monitoring.decision import Action
from benchmarks.monitor_decisions import CALM, stream
from benchmarks.synthetic_windows import World

AUDITED = World(audit_share=0.1)


def test_ten_calm_streams_lead_to_no_training():
    for seed in range(10):
        found = stream(seed, AUDITED, AUDITED, windows=6)
        assert not {Action.RETRAIN, Action.RECALIBRATE} & set(found.actions)


def test_a_new_manipulation_is_noticed_in_500_captures_and_trained_on():
    found = stream(0, AUDITED, World(audit_share=0.1, new_trick=0.2))
    assert found.noticed[CALM]
    assert set(found.actions[:CALM]) == {Action.NONE}
    assert found.delay([Action.RETRAIN]) <= 1500


def test_shifted_scores_are_calibrated_anew():
    found = stream(1, AUDITED, World(audit_share=0.1, shift=1.0))
    assert found.delay([Action.RECALIBRATE]) <= 1500
    assert found.delay([Action.RETRAIN]) > found.delay([Action.RECALIBRATE])


def test_drift_that_hardly_anybody_looked_at_calls_a_person():
    few = World(audit_share=0.02, harmless=0.2)
    assert stream(2, World(audit_share=0.02), few).delay([Action.PAGE]) <= 1500
