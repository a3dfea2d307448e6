from __future__ import annotations

from collections import Counter

import pyarrow as pa

from assay.rationales.account import Account
from assay.rationales.reasons import COLUMNS
from assay.rationales.settings import Price
from assay.reports import rationales


def page(account: Account, *rows: dict[str, object]) -> str:
    made = [dict.fromkeys(COLUMNS, "") | row for row in rows]
    schema = pa.schema([pa.field(name, pa.string()) for name in COLUMNS])
    return rationales.page(pa.Table.from_pylist(made, schema), account).html


def test_page_tells_rejections_by_reason_and_what_it_cost() -> None:
    account = Account("openai_compatible", images=10, answers=12, accepted=8, unlike_offline=3)
    account.rejections = Counter(outside_mask=3, template=1)
    account.replaced = Counter(budget=2)
    account.tokens_in, account.tokens_out = 1_000_000, 500_000
    account.price = Price(input=2, output=4)
    html = page(account)
    assert "8 of 10" in html
    assert "33 %" in html
    assert "4.0000" in html
    for words in (
        "outside_mask",
        "names a part of the image that is not altered",
        "the budget was spent",
    ):
        assert words in html
    assert "unknown_finding" not in html


def test_page_shows_a_teachers_words_and_never_obeys_them() -> None:
    row = {"image_id": "a", "teacher": "x", "rationale": "Inferred.", "prose": "<script>alert(1)"}
    html = page(Account("x", images=1, accepted=1), row)
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>" not in html


def test_page_of_the_offline_teacher_says_that_nobody_was_asked() -> None:
    assert "nobody was asked" in page(Account())


def test_an_account_comes_back_from_json() -> None:
    account = Account("x", images=2, rejections=Counter(template=1), price=Price(input=1))
    assert Account.from_dict(account.as_dict()) == account
