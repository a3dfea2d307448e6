"""A verdict is hidden from whoever may still vote on an audit, and from nobody else."""

from assay.store import HumanLabel, Store, Vote
from tests.captures import capture, image, kept


def test_an_open_audit_is_hidden_until_ones_vote(store: Store):
    one = kept(store, is_audit=True)
    blind = _audit(store, one.id)
    assert store.audits.hidden_from("ada", [blind]) == {one.id}
    store.feedback.record(one.id, "ada", Vote(HumanLabel.UNSURE))
    assert not store.audits.hidden_from("ada", [blind])
    assert store.audits.hidden_from("grace", [blind]) == {one.id}
    store.feedback.record(one.id, "grace", Vote(HumanLabel.AUTHENTIC))
    assert not store.audits.hidden_from("linus", [blind])


def test_other_cases_are_open_to_all(store: Store):
    assert not store.audits.hidden_from("ada", [kept(store), kept(store, "b", needs_review=False)])


def test_an_audit_is_hidden_before_its_case_is_made(store: Store):
    drawn = store.captures.append(capture("new"), image("new"))
    fresh = drawn.model_copy(update={"is_audit": True})
    assert store.audits.hidden_from("ada", [fresh]) == {drawn.id}


def _audit(store: Store, capture_id: str):
    """The capture, its case turned into an audit."""
    from assay.store.tables import CaseRow

    with store.database.writing() as session:
        for row in session.query(CaseRow):
            row.is_audit = True
    return store.captures.get(capture_id)
