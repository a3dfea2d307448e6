from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from assay import likeness
from assay.bert_score import BertScoreSettings, scores
from assay.errors import CheckpointMismatch
from assay.metrics import Bootstrap

NO_ENCODER, DRAWN = BertScoreSettings(), Bootstrap(50, 0)


def explained(*pairs: tuple[str, str]) -> pd.DataFrame:
    rows = [
        {"image_id": str(n), "group": str(n), "written": w, "reference": r, "asked": n > 0}
        for n, (w, r) in enumerate(pairs)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of random weights that knows six words."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "left", "right", "part", "was"]
    (folder / "vocab.txt").write_text("\n".join(known))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(known), intermediate_size=16, **sizes)).save_pretrained(
        folder
    )
    return folder


def test_rouge_l_has_an_interval_and_says_whose_reasons_it_is_about() -> None:
    found = likeness.measure(
        explained(("a b", "a b"), ("a", "b"), ("a b", "a c")), NO_ENCODER, DRAWN
    )
    assert found is not None
    assert found.rouge_l is not None
    assert found.rouge_l.value == pytest.approx(0.5)
    assert found.rouge_l.low < 0.5 < found.rouge_l.high
    assert (found.images, found.asked) == (3, 2)
    assert found.bert_score is None
    assert "names no encoder" in found.left_out


def test_nothing_written_is_no_likeness() -> None:
    assert likeness.measure(pd.DataFrame(), NO_ENCODER, DRAWN) is None


def test_bert_score_is_one_for_the_same_and_less_for_others(encoder: Path) -> None:
    told = ["the left part was", "the left", ""]
    same, other, none = scores(
        told, [told[0], "right part", "the"], BertScoreSettings(folder=encoder)
    )
    assert same == pytest.approx(1, abs=1e-5)
    assert other < 0.999
    assert none == 0


def test_bert_score_does_not_depend_on_what_stands_beside(encoder: Path) -> None:
    settings = BertScoreSettings(folder=encoder)
    alone = scores(["the left"], ["the right part"], settings)
    beside = scores(["the left", "the left part was the part"], ["the right part", "was"], settings)
    assert alone[0] == pytest.approx(beside[0], abs=1e-5)


def test_likeness_holds_both_where_there_is_an_encoder(encoder: Path) -> None:
    told = explained(("the left", "the left"), ("part", "part"), ("was", "was"))
    found = likeness.measure(told, BertScoreSettings(folder=encoder), DRAWN)
    assert found is not None
    assert found.bert_score is not None
    assert found.bert_score.value == pytest.approx(1, abs=1e-5)
    assert not found.left_out


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match="no encoder"):
        scores(["a"], ["b"], BertScoreSettings(folder=tmp_path))
