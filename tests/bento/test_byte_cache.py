from __future__ import annotations

from bento.byte_cache import ByteCache


def cache() -> ByteCache[str, bytes]:
    return ByteCache(10)


def test_the_least_recently_used_goes_when_bytes_run_out() -> None:
    kept = cache()
    kept.put("a", b"1234")
    kept.put("b", b"1234")
    assert kept.get("a") == b"1234"
    kept.put("c", b"1234")
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (b"1234", None, b"1234")


def test_a_value_that_is_put_again_counts_once() -> None:
    kept = cache()
    for _ in range(5):
        kept.put("a", b"12345")
    kept.put("b", b"12345")
    assert kept.get("a") == kept.get("b") == b"12345"


def test_what_is_larger_than_everything_is_not_kept() -> None:
    kept = cache()
    kept.put("a", b"1234")
    kept.put("b", b"12345678901")
    kept.put("a", b"12345678901")
    assert kept.get("a") is None
    assert kept.get("b") is None


def test_what_is_forgotten_leaves_its_room() -> None:
    cache: ByteCache[tuple[str, str], bytes] = ByteCache(limit=10)
    cache.put(("a", "one"), b"12345")
    cache.put(("a", "two"), b"12345")
    cache.forget(lambda key: key[0] == "a")
    cache.put(("b", "one"), b"12345")
    cache.put(("b", "two"), b"12345")
    assert cache.get(("b", "one")) == cache.get(("b", "two")) == b"12345"
    assert cache.get(("a", "one")) is None
