from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.ammeba.periods import PERIODS, Periods, PeriodShares
from assay.records import Split

DAYS = [date(2020, 1, 1) + timedelta(day) for day in range(120)]


def test_ten_twelfths_are_learned_from_and_the_rest_is_held_out_evenly():
    periods = Periods(DAYS, PeriodShares())
    found = [periods.split(day) for day in DAYS]
    assert [found.count(split) for split in PERIODS] == [100, 5, 5, 5, 5]
    assert found == sorted(found, key=PERIODS.index)


@given(st.lists(st.sampled_from(DAYS), min_size=1))
def test_no_day_of_a_later_split_comes_before_one_of_an_earlier(days: list[date]):
    periods = Periods(days, PeriodShares())
    found = [PERIODS.index(periods.split(day)) for day in sorted(days)]
    assert found == sorted(found)


def test_days_beyond_those_that_were_seen_are_the_latest():
    assert Periods(DAYS, PeriodShares()).split(date(2030, 1, 1)) is Split.PRODUCTION


def test_period_without_a_share_stays_empty():
    shares = PeriodShares(train=0.5, validation=0.25, test=0.25, online_test=0, production=0)
    periods = Periods(DAYS, shares)
    assert {periods.split(day) for day in DAYS} == {Split.TRAIN, Split.VALIDATION, Split.TEST}


def test_shares_that_are_no_whole_are_refused():
    with pytest.raises(ValidationError, match=r"make 1\.16667 together"):
        PeriodShares(train=1.0)
