"""Where a webhook may not go: every form of every forbidden address, each with its reason."""

import pytest

from sinks.alerts.address import ForbiddenAddress, Place, Rules, checked_url, pinned

FORBIDDEN = {
    # schemes, users, ports
    "http://example.com/": "only https",
    "ftp://example.com/": "only https",
    "file:///etc/passwd": "only https|no host name",
    "gopher://example.com/": "only https",
    "example.com/hook": "only https|no host name",
    "//example.com/hook": "only https",
    "https://user@example.com/": "no user or password",
    "https://user:secret@example.com/": "no user or password",
    "https://@example.com/": "no user or password",
    "https://example.com:secret@127.0.0.1/": "no user or password",
    "https://example.com:22/": "port 22 is not open",
    "https://example.com:8443/": "port 8443 is not open",
    "https://example.com:80/": "port 80 is not open",
    # IPv4, as it is
    "https://127.0.0.1/": "loopback",
    "https://127.255.255.254/": "loopback",
    "https://0.0.0.0/": "this network",
    "https://10.0.0.1/": "private",
    "https://172.16.0.1/": "private",
    "https://172.31.255.255/": "private",
    "https://192.168.1.1/": "private",
    "https://169.254.169.254/latest/meta-data/": "link-local",
    "https://100.64.0.1/": "carrier-grade NAT",
    "https://100.127.255.255/": "carrier-grade NAT",
    "https://192.0.0.192/": "protocol assignments",
    "https://192.0.2.1/": "documentation",
    "https://192.88.99.1/": "6to4",
    "https://198.18.0.1/": "benchmarking",
    "https://198.51.100.1/": "documentation",
    "https://203.0.113.1/": "documentation",
    "https://224.0.0.1/": "multicast",
    "https://239.255.255.250/": "multicast",
    "https://240.0.0.1/": "reserved",
    "https://255.255.255.255/": "reserved",
    # IPv4 in the other ways of writing it
    "https://2130706433/": "four plain decimal numbers",
    "https://017700000001/": "four plain decimal numbers",
    "https://0x7f000001/": "four plain decimal numbers",
    "https://0x7f.0.0.1/": "no URL|four plain decimal numbers",
    "https://0177.0.0.1/": "no URL|four plain decimal numbers",
    "https://127.1/": "four plain decimal numbers",
    "https://127.0.1/": "four plain decimal numbers",
    "https://127.0.0.0x1/": "four plain decimal numbers",
    "https://0x7f.1/": "four plain decimal numbers",
    "https://127.0.0.1./": "four plain decimal numbers",
    "https://256.256.256.256/": "no URL|four plain decimal numbers",
    "https://example.com.1/": "four plain decimal numbers",
    "https://１２７.0.0.1/": "plain ASCII",
    "https://127。0。0。1/": "plain ASCII",
    "https://①②⑦.0.0.1/": "plain ASCII",
    "https://127%2e0%2e0%2e1/": "no host name",
    # IPv6
    "https://[::1]/": "loopback",
    "https://[0:0:0:0:0:0:0:1]/": "loopback",
    "https://[::]/": "unspecified",
    "https://[::ffff:127.0.0.1]/": "IPv4-mapped",
    "https://[::ffff:7f00:1]/": "IPv4-mapped",
    "https://[::ffff:8.8.8.8]/": "IPv4-mapped",
    "https://[::127.0.0.1]/": "IPv4-compatible",
    "https://[64:ff9b::7f00:1]/": "NAT64",
    "https://[64:ff9b::8.8.8.8]/": "NAT64",
    "https://[64:ff9b:1::a00:1]/": "NAT64",
    "https://[2002:7f00:1::]/": "6to4",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/": "protocol assignments",
    "https://[2001:db8::1]/": "documentation",
    "https://[3fff::1]/": "documentation",
    "https://[fc00::1]/": "private",
    "https://[fd12:3456:789a::1]/": "private",
    "https://[fe80::1]/": "link-local",
    "https://[fe80::1%25eth0]/": "zone",
    "https://[fec0::1]/": "site-local",
    "https://[ff02::1]/": "multicast",
    "https://[100::1]/": "discard-only",
    "https://[4000::1]/": "outside of global unicast",
    "https://[5f00::1]/": "outside of global unicast",
    # what parsers disagree about
    "https://example.com\\@127.0.0.1/": "plain ASCII",
    "https://example.com /": "plain ASCII",
    "https://example.com\t/": "plain ASCII",
    "https://exa\nmple.com/": "plain ASCII",
    "https://例え.jp/": "plain ASCII",
    "https://a..b/": "no host name",
    "https://-a.example/": "no host name",
    "https://" + "a" * 64 + ".example/": "no URL|no host name",
    "https://" + "a." * 130 + "example/": "no URL|no host name",
    "https:///hook": "no host name",
    "https://[::1/": "no URL",
    "https://[v1.x]/": "no URL",
    "https://example.com:99999/": "port|no URL",
    "": "plain ASCII",
}
LEADS_TO = {
    "127.0.0.1": "loopback",
    "10.1.2.3": "private",
    "169.254.169.254": "link-local",
    "100.100.100.200": "carrier-grade NAT",
    "0.0.0.0": "this network",  # noqa: S104  # an address to refuse
    "::1": "loopback",
    "::ffff:10.0.0.1": "IPv4-mapped",
    "64:ff9b::a00:1": "NAT64",
    "fd00:ec2::254": "private",
    "fe80::1": "link-local",
}
PUBLIC = Place("receiver.example", 443)


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_forbidden_url_is_refused_with_its_reason(url: str) -> None:
    """Before anything is looked up or connected to."""
    with pytest.raises(ForbiddenAddress, match=FORBIDDEN[url]):
        checked_url(url, Rules())


def test_the_corpus_is_large_enough() -> None:
    """Nobody thins it out unseen."""
    assert len(FORBIDDEN) + len(LEADS_TO) > 90


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://receiver.example/hook?x=1", PUBLIC),
        ("https://RECEIVER.example:443/", PUBLIC),
        ("https://8.8.8.8/", Place("8.8.8.8", 443)),
        ("https://[2606:4700:4700::1111]/", Place("2606:4700:4700::1111", 443)),
        ("https://172.32.0.1/", Place("172.32.0.1", 443)),
        ("https://100.128.0.1/", Place("100.128.0.1", 443)),
        ("https://a_b.receiver.example./", Place("a_b.receiver.example.", 443)),
    ],
)
def test_public_places_are_open(url: str, place: Place) -> None:
    """Names and addresses of the public internet, by https on port 443."""
    assert checked_url(url, Rules()) == place


@pytest.mark.parametrize("address", LEADS_TO)
@pytest.mark.parametrize("beside", [[], ["8.8.8.8"]])
def test_a_name_that_leads_inside_is_refused(address: str, beside: list[str]) -> None:
    """Even if it also leads to a public address, in either order."""
    for found in ([*beside, address], [address, *beside]):
        with pytest.raises(ForbiddenAddress, match=f"receiver.example leads to .* is {LEADS_TO[address]}"):
            pinned(PUBLIC, found, Rules())


def test_a_name_is_pinned_to_its_first_address() -> None:
    """And one that leads nowhere is refused."""
    assert str(pinned(PUBLIC, ["2606:4700::1", "8.8.8.8"], Rules())) == "2606:4700::1"
    with pytest.raises(ForbiddenAddress, match="leads to no address"):
        pinned(PUBLIC, [], Rules())


def test_a_setting_opens_ports_and_another_loopback_alone() -> None:
    """A port that is allowed is open by https; with loopback open nothing else inside is."""
    assert checked_url("https://receiver.example:8443/", Rules(frozenset({443, 8443}))).port == 8443
    trying = Rules(loopback=True)
    assert checked_url("http://127.0.0.1:8080/", trying) == Place("127.0.0.1", 8080)
    assert checked_url("https://[::1]:9/", trying) == Place("::1", 9)
    for url in ("https://10.0.0.1/", "http://example.com/", "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/"):
        with pytest.raises(ForbiddenAddress):
            checked_url(url, trying)
