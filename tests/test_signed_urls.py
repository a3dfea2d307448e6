"""An address that was signed opens what it names, until it expires, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import signed_urls
from assay.errors import ConfigError

NEW, OLD = b"n" * 32, b"o" * 32
PATH = "/v1/detections/42/notice.svg?lang=de"
URL = signed_urls.sign(PATH, 1000, (OLD,))


def test_signed_url_is_valid_until_it_expires():
    assert signed_urls.is_valid(URL, (OLD,), now=999.9)
    assert not signed_urls.is_valid(URL, (OLD,), now=1000)


def test_clock_is_asked_where_no_moment_is_given():
    assert not signed_urls.is_valid(URL, (OLD,))
    assert signed_urls.is_valid(signed_urls.sign(PATH, 2**40, (OLD,)), (OLD,))


def test_keys_rotate_without_an_address_going_dark():
    assert signed_urls.is_valid(URL, (NEW, OLD), now=0)
    assert not signed_urls.is_valid(URL, (NEW,), now=0)
    assert signed_urls.sign(PATH, 1000, (NEW, OLD)) == signed_urls.sign(PATH, 1000, (NEW,))


@pytest.mark.parametrize(
    ("old", "new"),
    [("/42/", "/43/"), ("lang=de", "lang=en"), ("expires=1000", "expires=9000"), ("svg", "html")],
)
def test_nothing_of_it_can_be_exchanged(old: str, new: str):
    assert not signed_urls.is_valid(URL.replace(old, new), (OLD,), now=0)


@pytest.mark.parametrize(
    "url",
    ["", PATH, "&signature=", f"{URL}=", f"{URL}&lang=en", f"{URL}%3D", URL[:-1], f"{URL}\n",
     URL.replace("&signature=", "&signature=+"), PATH + "&signature=ü", "a" * 9999],
)  # fmt: skip
def test_whatever_else_is_sent_is_refused(url: str):
    assert not signed_urls.is_valid(url, (OLD,), now=0)


@given(st.integers(0, len(URL) - 1), st.characters(codec="ascii"))
def test_no_other_spelling_is_valid(place: int, letter: str):
    changed = URL[:place] + letter + URL[place + 1 :]
    assert signed_urls.is_valid(changed, (OLD,), now=0) == (changed == URL)


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.integers(1, 2**40))
def test_sign_makes_what_is_valid(text: str, expires: int):
    from urllib.parse import urlencode

    url = signed_urls.sign(f"/v1?{urlencode({'text': text})}", expires, (NEW,))
    assert signed_urls.is_valid(url, (NEW,), now=expires - 1)


@pytest.mark.parametrize(
    "path", ["//evil.example/", "https://a.example/", "a", "/a?expires=1", "/a?signature=x", "/a#b"]
)
def test_sign_refuses_what_it_cannot_cover(path: str):
    with pytest.raises(ConfigError, match="cannot be signed"):
        signed_urls.sign(path, 1, (NEW,))
