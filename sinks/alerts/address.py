"""Where a webhook may go: to an address of the public internet by https, to nothing inside.

Whoever can name an endpoint could otherwise make us knock at databases, metadata services and printers. So the
URL is held against rules when settings are read, and every address it leads to whenever it is used.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

import httpx

Address: TypeAlias = IPv4Address | IPv6Address


class ForbiddenAddress(ValueError):
    """Where a webhook may not go; says which part of it and why."""


@dataclass(frozen=True)
class Rules:
    """What is open beyond https to port 443: more ports; `loopback` for trying and testing."""

    ports: frozenset[int] = frozenset({443})
    loopback: bool = False


@dataclass(frozen=True)
class Place:
    """A host as the URL names it, a name or an address, and the port."""

    host: str
    port: int


_LOOPBACK: Final = tuple(map(ip_network, ("127.0.0.0/8", "::1/128")))
# The registries of special addresses (RFC 6890 and its followers); the first that fits gives the reason.
_FORBIDDEN: Final = tuple(
    (ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard-only"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL: Final = ip_network("2000::/3")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_NUMERIC: Final = re.compile(r"(?:\d+|0x[0-9a-f]*)\.?")
_PLAIN: Final = re.compile(r"[!-\[\]-~]+")
_LONGEST: Final = 253


def checked_url(text: str, rules: Rules) -> Place:
    """The place a URL names; `ForbiddenAddress` if it may not be one. Names are not resolved here."""
    if not _PLAIN.fullmatch(text):
        raise ForbiddenAddress("write it in plain ASCII without blanks and backslashes; names as xn--")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as cause:
        raise ForbiddenAddress(f"no URL: {cause}") from cause
    place = Place(_checked_host(url.host), url.port or (80 if url.scheme == "http" else 443))
    _check_form(text, url, place, rules)
    if (address := _literal(place.host)) is not None:
        checked_address(address, rules)
    return place


def checked_address(address: Address, rules: Rules) -> Address:
    """The address, if a webhook may go there."""
    if rules.loopback and _within(address, _LOOPBACK):
        return address
    for network, why in _FORBIDDEN:
        if address in network:
            raise ForbiddenAddress(f"{address} is {why}")
    if isinstance(address, IPv6Address) and address not in _GLOBAL:
        raise ForbiddenAddress(f"{address} is outside of global unicast")
    return address


def pinned(place: Place, found: list[str], rules: Rules) -> Address:
    """The one address to connect to of those a name led to: if one of them is forbidden, none is used."""
    addresses = [ip_address(text) for text in found]
    if not addresses:
        raise ForbiddenAddress(f"{place.host} leads to no address")
    try:
        for address in addresses:
            checked_address(address, rules)
    except ForbiddenAddress as cause:
        raise ForbiddenAddress(f"{place.host} leads to {cause}") from cause
    return addresses[0]


def _check_form(text: str, url: httpx.URL, place: Place, rules: Rules) -> None:
    literal = _literal(place.host)
    trying = rules.loopback and literal is not None and _within(literal, _LOOPBACK)
    if url.scheme != "https" and not (trying and url.scheme == "http"):
        raise ForbiddenAddress(f"{url.scheme}: only https is spoken")
    if url.userinfo or "@" in text.partition("://")[2].partition("/")[0]:
        raise ForbiddenAddress("no user or password belongs into a webhook's URL")
    # With loopback open, the port is free: who tries something out takes what is free.
    if place.port not in rules.ports and not rules.loopback:
        raise ForbiddenAddress(f"port {place.port} is not open to webhooks; see allow_ports")


def _checked_host(host: str) -> str:
    if _literal(host) is not None:
        return host
    if _NUMERIC.fullmatch(host.lower().rstrip(".").rpartition(".")[2]):
        raise ForbiddenAddress(f"{host}: write an IPv4 address as four plain decimal numbers")
    if not _NAME.fullmatch(host) or len(host) > _LONGEST:
        raise ForbiddenAddress(f"{host!r} is no host name")
    return host


def _literal(host: str) -> Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ForbiddenAddress(f"{host}: an address with a zone is link-local")
    return address


def _within(address: Address, networks: tuple[object, ...]) -> bool:
    return any(address in network for network in networks)  # type: ignore[operator]  # networks of both versions
