"""Addresses from strangers: taken apart one way, and judged by what they lead to."""

from __future__ import annotations

import threading
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import addresses
from assay.errors import AssayError, ForbiddenAddress, SourceUnavailable

SPELLINGS = {
    "http://example.com": ("example.com", 80, "/"),
    "HTTPS://Example.COM./a b".replace(" ", "%20"): ("example.com", 443, "/a%20b"),
    "https://example.com:443/?q=ü": ("example.com", 443, "/?q=%C3%BC"),
    "http://example.com#@127.0.0.1/": ("example.com", 80, "/"),
    "http://bücher.example/": ("xn--bcher-kva.example", 80, "/"),
    "http://\uff10x7f.1/": ("127.0.0.1", 80, "/"),
    "http://127。0。0。1/": ("127.0.0.1", 80, "/"),
    "http://ⓔⓧⓐⓜⓟⓛⓔ.com/": ("example.com", 80, "/"),
    "http://127.1/": ("127.0.0.1", 80, "/"),
    "http://2130706433/": ("127.0.0.1", 80, "/"),
    "http://0x7f000001/": ("127.0.0.1", 80, "/"),
    "http://0177.0.0.01/": ("127.0.0.1", 80, "/"),
    "http://127.0.0.1./": ("127.0.0.1", 80, "/"),
    "http://[::ffff:127.0.0.1]/": ("::ffff:7f00:1", 80, "/"),
    "http://[0:0:0:0:0:0:0:1]/": ("::1", 80, "/"),
}
MALFORMED = [
    "",
    "example.com",
    "//example.com/",
    "http:///path",
    "http://",
    "file:///etc/passwd",
    "gopher://example.com/_GET",
    "ftp://example.com/a.jpg",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "http://user@example.com/",
    "http://user:secret@example.com/",  # pragma: allowlist secret
    "http://example.com@127.0.0.1/",
    "http://@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://example.com:22/",
    "http://example.com:0/",
    "http://example.com:99999/",
    "http://example.com:8_0/",
    "http://example.com/\r\nX-Injected: 1",
    "http://exam\nple.com/",
    "http://example.com/a b",
    " http://example.com/",
    "http://example.com/\x00",
    "http://exa%6dple.com/",
    "http://-example.com/",
    "http://example..com/",
    "http://127.0.0.1.5/",
    "http://1.2.3.256/",
    "http://0x/",
    "http://999999999999/",
    "http://[::1%25eth0]/",
    "http://[::1/",
    "http://[1.2.3.4]/",
    "http://[v1.a]/",
    f"http://{'a' * 64}.com/",
    f"http://example.com/{'a' * 3000}",
    "http://xn--a.example\u2028/",
    "http://ex\u00adample\u202e.com/",
]
FORBIDDEN = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "CGNAT",
    "169.254.1.1": "link-local",
    "169.254.169.254": "metadata",
    "168.63.129.16": "metadata",
    "100.100.100.200": "metadata",
    "192.0.0.192": "metadata",
    "192.0.2.1": "reserved",
    "198.18.0.1": "reserved",
    "203.0.113.9": "reserved",
    "224.0.0.1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "loopback",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "metadata",
    "::ffff:10.0.0.1": "private",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "metadata",
    "64:ff9b:1::1": "private",
    "2002:7f00:1::": "loopback",
    "2002:a00:1::1": "private",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "reserved",
    "2001:db8::1": "reserved",
    "2606:4700::5efe:7f00:1": "loopback",
    "fe80::1": "link-local",
    "fec0::1": "private",
    "fc00::1": "private",
    "fd00:ec2::254": "metadata",
    "ff02::1": "multicast",
    "4000::1": "reserved",
}
PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]


def target(host: str) -> addresses.Target:
    return addresses.Target("http", host, 80, "/")


@pytest.mark.parametrize(("url", "parts"), SPELLINGS.items())
def test_parse_takes_every_spelling_apart_alike(url: str, parts: tuple[str, int, str]):
    found = addresses.parse(url)
    assert (found.host, found.port, found.path) == parts
    assert addresses.parse(found.url) == found


@pytest.mark.parametrize("url", MALFORMED)
def test_parse_refuses_what_is_not_plainly_on_the_web(url: str):
    with pytest.raises(ForbiddenAddress) as refused:
        addresses.parse(url)
    assert "\n" not in str(refused.value)


def test_refusal_of_credentials_does_not_repeat_them():
    with pytest.raises(ForbiddenAddress) as refused:
        addresses.parse("http://user:hunter2@example.com/")  # pragma: allowlist secret
    assert "hunter2" not in str(refused.value)


@given(st.text(max_size=60))
def test_parse_answers_any_text_with_a_canonical_target_or_a_refusal(text: str):
    try:
        found = addresses.parse(f"http://{text}")
    except ForbiddenAddress:
        return
    assert addresses.parse(found.url) == found
    assert found.url.isascii()
    assert not set(found.url) & set(" \r\n\t\\")


@pytest.mark.parametrize(("text", "kind"), FORBIDDEN.items())
def test_refusal_names_the_kind_of_address(text: str, kind: str):
    assert kind in addresses.refusal(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_refusal_lets_public_addresses_pass(text: str):
    assert addresses.refusal(ip_address(text)) == ""


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_refusal_judges_an_address_inside_ipv6_as_itself(inner: IPv4Address):
    wrapped = [
        IPv6Address(0xFFFF << 32 | int(inner)),
        IPv6Address(0x64FF9B << 96 | int(inner)),
        IPv6Address(0x2002 << 112 | int(inner) << 80),
    ]
    alone = bool(addresses.refusal(inner))
    assert [bool(addresses.refusal(one)) for one in wrapped] == [alone] * 3


@given(st.ip_addresses(v=4))
def test_refusal_is_never_milder_than_the_standard_library(address: IPv4Address):
    assert address.is_global or addresses.refusal(address)


def test_refusal_spares_networks_that_are_allowed():
    allowed = [ip_network("10.2.0.0/16")]
    assert addresses.refusal(ip_address("10.2.3.4"), allowed) == ""
    assert addresses.refusal(ip_address("::ffff:10.2.3.4"), allowed) == ""
    assert addresses.refusal(ip_address("10.3.0.1"), allowed)


def test_resolve_asks_once_and_checks_every_address():
    asked = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(ForbiddenAddress, match=r"'a\.example' is a private address") as refused:
        addresses.resolve(target("a.example"), resolver=resolver)
    assert asked == ["a.example"]
    assert "10.0.0.1" not in str(refused.value)


def test_resolve_asks_nobody_about_an_address():
    def resolver(host: str, port: int) -> list[str]:
        raise AssertionError(host)

    assert addresses.resolve(target("8.8.8.8"), resolver=resolver) == (IPv4Address("8.8.8.8"),)
    with pytest.raises(ForbiddenAddress):
        addresses.resolve(target("::1"), resolver=resolver)


def test_resolve_with_the_system_refuses_localhost():
    with pytest.raises(ForbiddenAddress, match="loopback"):
        addresses.resolve(target("localhost"))


@pytest.mark.parametrize("error", [OSError("unknown"), UnicodeError("label too long")])
def test_resolve_of_an_unknown_name_is_unavailable(error: Exception):
    def resolver(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(SourceUnavailable, match="check the name"):
        addresses.resolve(target("a.example"), resolver=resolver)


def test_resolve_does_not_wait_for_a_silent_resolver():
    over = threading.Event()

    def resolver(host: str, port: int) -> list[str]:
        over.wait(10)
        return []

    with pytest.raises(SourceUnavailable):
        addresses.resolve(target("a.example"), resolver=resolver, seconds=0.05)
    over.set()


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b?c=d", "http://a.example/b?c=d"),
        ("b", "http://a.example/x/b"),
        ("//b.example/", "http://b.example/"),
        ("https://b.example", "https://b.example/"),
    ],
)
def test_follow_joins_what_redirects_say(location: str, url: str):
    start = addresses.parse("http://a.example/x/y")
    assert addresses.follow(start, location, (80, 443)).url == url


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "http://a:b@c/", "//[::1", "gopher://x/", "http://x:25/"]
)
def test_follow_refuses_as_parse_does(location: str):
    with pytest.raises(AssayError):
        addresses.follow(addresses.parse("http://a.example/"), location, (80, 443))
