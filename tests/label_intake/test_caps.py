"""No party contributes more than its share, and no more is cut than that takes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from assay.label_intake.caps import limit, split_by_cap

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60))
SHARE = st.floats(0.05, 1.0)


def split(counts: dict[str, int], older: dict[str, int], base: int, share: float):
    items = [(party, f"{party}{n}") for party in counts for n in range(counts[party])]
    return split_by_cap(items, lambda one: one[0], lambda one: one[1], older, base, share)


@given(COUNTS, COUNTS, st.integers(0, 500), SHARE)
def test_no_party_has_more_than_its_share(
    counts: dict[str, int], older: dict[str, int], others: int, share: float
):
    base = others + sum(older.values())
    stay, cut = split(counts, older, base, share)
    assert len(stay) + len(cut) == sum(counts.values())
    held = Counter(party for party, _ in stay)
    for party, count in held.items():
        assert count + older.get(party, 0) <= share * (base + len(stay))


@given(COUNTS, st.integers(0, 500), SHARE)
def test_one_more_each_would_be_too_many(counts: dict[str, int], base: int, share: float):
    bound = limit(counts, {}, base, share)
    assert bound >= max(counts.values(), default=0) or bound + 1 > share * (
        base + sum(min(count, bound + 1) for count in counts.values())
    )


def test_draw_is_the_same_and_takes_no_side():
    stay, cut = split({"a": 400}, {}, 300, 0.25)
    assert (stay, cut) == split({"a": 400}, {}, 300, 0.25)
    assert len(stay) == 100
    assert stay != [("a", f"a{n}") for n in range(100)]
