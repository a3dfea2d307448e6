"""Near-duplicates are found from either side, and a deletion leaves neither side."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from assay.errors import NotCaptured
from assay.store import Capture, Sibling, Store, sibling_links
from assay.store.ids import new_id
from assay.store.tables import CaptureRow, SiblingRow
from tests.captures import capture, image, kept

LEFT = {"left": 0.1, "top": 0.1, "right": 0.2, "bottom": 0.2}
RIGHT = {"left": 0.6, "top": 0.6, "right": 0.9, "bottom": 0.9}


def sibling_of(other_id: str, **changes: object) -> Sibling:
    values = {
        "id": other_id,
        "kind": "locally_different",
        "sentence": "The two pictures show the same scene, but differ in one place.",
        "share": 0.04,
        "distance": 12,
        "differences": [{"first": LEFT, "second": RIGHT}],
    }
    return Sibling(**{**values, **changes})


def naming(store: Store, picture: str, *others: Capture) -> Capture:
    return kept(store, picture, siblings=[sibling_of(other.id) for other in others])


def links(store: Store) -> list[tuple[str, str]]:
    with store.database.reading() as session:
        rows = session.execute(sa.select(SiblingRow.capture_id, SiblingRow.other_id))
        return sorted((one, other) for one, other in rows)


@pytest.mark.parametrize("is_drained", [False, True])
def test_siblings_come_back_as_they_were_served(store: Store, is_drained: bool):
    first = kept(store, "first")
    made = store.captures.append(capture("edit", siblings=[sibling_of(first.id)]), image("edit"))
    if is_drained:
        store.drainer.drain()
    assert store.captures.get(made.id) == made
    assert store.captures.siblings(made.id) == [sibling_of(first.id)]


def test_earlier_capture_finds_the_later_one_with_the_sides_exchanged(store: Store):
    first = kept(store, "first")
    later = naming(store, "later", first)
    assert store.captures.named_by(first.id) == [later]
    turned = [{"first": RIGHT, "second": LEFT}]
    assert store.captures.siblings(first.id) == [sibling_of(later.id, differences=turned)]


def test_capture_in_the_middle_has_siblings_on_both_sides(store: Store):
    first = kept(store, "first")
    middle = naming(store, "middle", first)
    later = [naming(store, str(number), first, middle) for number in range(3)]
    newest_first = [one.id for one in reversed(later)]
    assert [one.id for one in store.captures.siblings(middle.id)] == [*newest_first, first.id]
    assert [one.id for one in store.captures.named_by(middle.id, limit=2)] == newest_first[:2]


def test_sibling_in_the_same_batch_is_found(store: Store):
    first = store.captures.append(capture("first"), image("first"))
    later = naming(store, "later", first)
    assert [one.id for one in store.captures.named_by(first.id)] == [later.id]


def test_sibling_that_this_database_does_not_hold_yet_is_found_once_it_does(store: Store):
    elsewhere = capture("first")
    later = naming(store, "later", elsewhere)
    store.captures.append(elsewhere, image("first"))
    store.drainer.drain()
    assert [one.id for one in store.captures.siblings(elsewhere.id)] == [later.id]


def test_deleted_capture_leaves_every_list(store: Store):
    first, second = kept(store, "first"), kept(store, "second")
    later = [naming(store, str(number), first, second) for number in range(2)]
    store.retention.delete(first.id, "admin")
    for one in later:
        assert [sibling.id for sibling in store.captures.get(one.id).siblings] == [second.id]
    assert links(store) == sorted((one.id, second.id) for one in later)
    assert store.captures.named_by(first.id) == []


def test_deleted_capture_lists_nothing_and_is_not_found_from_its_siblings(store: Store):
    first = kept(store, "first")
    later = naming(store, "later", first)
    store.retention.delete(later.id, "admin")
    assert store.captures.find(later.id).siblings == []
    assert store.captures.siblings(first.id) == []
    assert links(store) == []


def test_capture_that_waited_in_the_spool_does_not_bring_a_deleted_sibling_back(store: Store):
    first, second = kept(store, "first"), kept(store, "second")
    listed = [sibling_of(first.id), sibling_of(second.id)]
    later = store.captures.append(capture("later", siblings=listed), image("later"))
    store.retention.delete(first.id, "admin")
    store.drainer.drain()
    assert store.captures.get(later.id).siblings == [sibling_of(second.id)]
    assert links(store) == [(later.id, second.id)]


def test_siblings_deleted_at_once_are_all_gone(store: Store):
    made = [kept(store, str(number)) for number in range(6)]
    later = naming(store, "later", *made)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: store.retention.delete(one.id, "admin"), made[1:]))
    assert [one.id for one in store.captures.get(later.id).siblings] == [made[0].id]
    assert links(store) == [(later.id, made[0].id)]


def test_later_captures_are_found_by_an_index(store: Store):
    is_sqlite = store.database.engine.dialect.name == "sqlite"
    with store.database.engine.connect() as connection:
        if not is_sqlite:  # which prefers to read tiny tables as a whole
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        query = sibling_links._NAMING.params(named=new_id())
        text = query.compile(connection, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = "\n".join(map(str, connection.execute(sa.text(f"{explain} {text}"))))
    assert "ix_siblings_other_id_capture_id" in plan


def test_unknown_capture_has_no_siblings_to_show(store: Store):
    with pytest.raises(NotCaptured):
        store.captures.siblings(new_id())


def test_deletion_says_nothing_of_a_sibling_in_the_row(store: Store):
    first = kept(store, "first")
    later = naming(store, "later", first)
    store.retention.delete(first.id, "admin")
    with store.database.reading() as session:
        assert session.get_one(CaptureRow, later.id).siblings == []
