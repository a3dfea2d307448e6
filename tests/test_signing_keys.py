"""Keys come from the environment, and messages about them never show one."""

from __future__ import annotations

import base64

import pytest

from assay import signing_keys
from assay.errors import ConfigError

NEW, OLD = bytes(range(32)), bytes(range(32, 64))
BASE64 = [base64.b64encode(key).decode() for key in (NEW, OLD)]


def test_read_gives_both_keys_newest_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(signing_keys.URLS, " ".join(BASE64))
    assert signing_keys.read(signing_keys.URLS) == (NEW, OLD)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "openssl rand -base64 32"),
        ("not base64!", "3 keys|no base64"),
        ("sesame", "no base64"),
        ("c2VzYW1l", "6 bytes, not 32"),
        (" ".join([BASE64[0]] * 3), "3 keys"),
    ],
)
def test_read_names_the_variable_and_the_remedy(
    value: str, words: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(signing_keys.CASES, value)
    with pytest.raises(ConfigError, match=words) as refused:
        signing_keys.read(signing_keys.CASES)
    assert signing_keys.CASES in str(refused.value)
    assert not value or value not in str(refused.value)


def test_is_signed_believes_every_key_and_no_other():
    signature = signing_keys.mac(OLD, b"message")
    assert signing_keys.is_signed((NEW, OLD), b"message", signature)
    assert not signing_keys.is_signed((NEW,), b"message", signature)
    assert not signing_keys.is_signed((NEW, OLD), b"massage", signature)
    assert not signing_keys.is_signed((NEW, OLD), b"message", b"")
    assert not signing_keys.is_signed((), b"message", signature)
