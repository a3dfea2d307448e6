"""Which captures are what drifted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from assay.monitoring.moved import moved
from assay.monitoring.numbers import Family
from tests.monitoring.windows import drifted


def test_values_where_the_window_has_more_than_before_have_moved():
    values = [0.5, 1.5, 2.5, 9.0, -4.0, np.nan]
    found = moved(pd.DataFrame({"d_sharpness": values}), [drifted()])
    assert found.tolist() == [False, False, True, True, False, False]


def test_verdicts_are_no_inputs():
    column = drifted("score", Family.VERDICT)
    assert not moved(pd.DataFrame({"score": [2.5]}), [column]).any()


def test_a_client_that_was_not_there_before_has_moved():
    shares = {"reference_shares": (0.7, 0.3, 0.0), "shares": (0.5, 0.2, 0.3)}
    names = {"bins": ("forum", "news", "market"), "kind": "categorical", **shares}
    column = drifted("client", Family.TRAFFIC).model_copy(update=names)
    found = moved(pd.DataFrame({"client": ["forum", "market", "news"]}), [column])
    assert found.tolist() == [False, True, False]


def test_names_too_rare_to_be_told_apart_are_one():
    shares = {"reference_shares": (1.0, 0.0), "shares": (0.8, 0.2)}
    names = {"bins": ("forum", "other"), "kind": "categorical", **shares}
    column = drifted("client", Family.TRAFFIC).model_copy(update=names)
    found = moved(pd.DataFrame({"client": ["forum", "tiny", "new"]}), [column])
    assert found.tolist() == [False, True, True]
