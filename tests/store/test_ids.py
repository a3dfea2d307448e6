"""Identifiers sort by time, cannot be guessed, and are safe in a path."""

import uuid

import pytest

from assay.store import ids


def test_ids_sort_in_the_order_in_which_they_were_made():
    made = [ids.new_id() for _ in range(2000)]
    stamps = [text[:18] for text in made]  # milliseconds, version and fraction
    assert stamps == sorted(stamps)
    assert len(set(made)) == len(made)


def test_id_is_a_uuid_of_version_7():
    made = ids.new_id()
    assert uuid.UUID(made).version == 7
    assert str(uuid.UUID(made)) == made
    assert ids.is_id(made)


@pytest.mark.parametrize(
    "text", ["", "..", "../../etc/passwd", "fb26c8dd-5f8d-489f-a5a3-85496ecb93a2", "a" * 36]
)
def test_nothing_else_is_an_id(text: str):
    assert not ids.is_id(text)


def test_id_followed_by_more_is_none():
    assert not ids.is_id(ids.new_id() + "/../x")
    assert not ids.is_id(ids.new_id() + "\n")


def test_secret_has_256_bits_and_is_not_its_digest():
    secret = ids.new_secret()
    assert len(secret) == 43  # 256 bits at 6 a letter
    assert secret not in ids.secret_digest(secret)
