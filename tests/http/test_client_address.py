"""Whose address a request comes from, whatever it says about itself."""

import logging

import pytest

from watchword.errors import ConfigurationError
from watchword.http.client_address import ClientAddresses, canonical_address, network_of
from watchword.http.messages import Header

XFF = "x-forwarded-for"


@pytest.mark.parametrize(
    ("text", "canonical", "network"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1", "2001:db8::/64"),
        ("2001:DB8::1", "2001:db8::1", "2001:db8::/64"),
        ("2001:0db8:0000::0001", "2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ("testclient", None, None),
        ("192.0.2.010", None, None),
        ("3221225985", None, None),
        ("", None, None),
    ],
)
def test_an_address_has_one_spelling_and_one_network(text: str, canonical: str | None, network: str | None) -> None:
    """Attack: one /64 is 2^64 budgets, or one address in many spellings is many (CVE-2026-45364; RL-5)."""
    assert (canonical, network) == (canonical_address(text), network_of(text))


@pytest.mark.parametrize(
    ("trusted", "peer", "headers", "client"),
    [
        # Nobody is trusted: what a request says is ignored.
        ([], "203.0.113.9", [(XFF, "192.0.2.1")], "203.0.113.9"),
        ([], "203.0.113.9", [("forwarded", "for=192.0.2.1"), ("x-real-ip", "192.0.2.1")], "203.0.113.9"),
        ([], "127.0.0.1", [(XFF, "192.0.2.1")], "127.0.0.1"),
        ([], None, [(XFF, "192.0.2.1")], None),
        ([], "testclient", [(XFF, "192.0.2.1")], None),
        # Another peer than the proxy.
        (["10.0.0.5"], "10.0.0.6", [(XFF, "192.0.2.1")], "10.0.0.6"),
        # The proxy, and what clients put in front of its own entry.
        (["10.0.0.5"], "10.0.0.5", [(XFF, "192.0.2.1")], "192.0.2.1"),
        (["10.0.0.5"], "::ffff:10.0.0.5", [(XFF, "192.0.2.1")], "192.0.2.1"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "198.51.100.7, 192.0.2.1")], "192.0.2.1"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "198.51.100.7"), (XFF, "192.0.2.1")], "192.0.2.1"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "10.0.0.5, 192.0.2.1")], "192.0.2.1"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "192.0.2.1,")], "10.0.0.5"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "192.0.2.1, unknown")], "10.0.0.5"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "192.0.2.1' or 1=1")], "10.0.0.5"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "192.0.2.1:51000")], "192.0.2.1"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "[2001:db8::1]:51000")], "2001:db8::1"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "2001:db8::1")], "2001:db8::1"),
        (["10.0.0.5"], "10.0.0.5", [(XFF, "::ffff:192.0.2.1")], "192.0.2.1"),
        (["10.0.0.5"], "10.0.0.5", [], "10.0.0.5"),
        # The header that the proxy does not write is anybody's.
        (["10.0.0.5"], "10.0.0.5", [("forwarded", "for=198.51.100.7")], "10.0.0.5"),
        (["10.0.0.5"], "10.0.0.5", [("forwarded", "for=198.51.100.7"), (XFF, "192.0.2.1")], "192.0.2.1"),
        (["10.0.0.5"], "10.0.0.5", [("x-real-ip", "198.51.100.7")], "10.0.0.5"),
        # Several proxies; all of them, and nobody else.
        (["10.0.0.0/24"], "10.0.0.5", [(XFF, "198.51.100.7, 192.0.2.1, 10.0.0.9")], "192.0.2.1"),
        (["10.0.0.0/24"], "10.0.0.5", [(XFF, "10.0.0.8, 10.0.0.9")], "10.0.0.8"),
        (["2001:db8:f::/48"], "2001:db8:f::1", [(XFF, "192.0.2.1")], "192.0.2.1"),
        (["::ffff:10.0.0.5"], "10.0.0.5", [(XFF, "192.0.2.1")], "192.0.2.1"),
        (["unix"], None, [(XFF, "198.51.100.7, 192.0.2.1")], "192.0.2.1"),
        (["unix"], "", [(XFF, "192.0.2.1")], "192.0.2.1"),
        (["unix"], "203.0.113.9", [(XFF, "192.0.2.1")], "203.0.113.9"),
    ],
)
def test_the_client_is_the_right_most_hop_that_is_no_proxy(
    trusted: list[str], peer: str | None, headers: list[Header], client: str | None
) -> None:
    """Attack: claim another address, to get a new budget or use up somebody else's (CVE-2023-36456; HP-1)."""
    assert client == ClientAddresses(trusted).find(peer, headers)


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=192.0.2.1;proto=https;by=10.0.0.5", "192.0.2.1"),
        ("proto=https;for=192.0.2.1", "192.0.2.1"),
        ('for="192.0.2.1:4711"', "192.0.2.1"),
        ('for="[2001:db8::1]:4711"', "2001:db8::1"),
        ("for=198.51.100.7, for=192.0.2.1", "192.0.2.1"),
        ("for=192.0.2.1, for=_hidden", "10.0.0.5"),
        ("for=unknown", "10.0.0.5"),
        ("proto=https", "10.0.0.5"),
        ("by=192.0.2.1", "10.0.0.5"),
        ('x="a;for=198.51.100.7"', "10.0.0.5"),
        ("192.0.2.1", "10.0.0.5"),
    ],
)
def test_forwarded_is_read_where_it_is_the_proxys_header(value: str, client: str) -> None:
    """RFC 7239, sections 4 and 6; `X-Forwarded-For` is then anybody's."""
    addresses = ClientAddresses(["10.0.0.5"], "forwarded")
    assert client == addresses.find("10.0.0.5", [("forwarded", value), (XFF, "198.51.100.99")])


def test_a_forwarded_header_from_a_stranger_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Behind a proxy that nobody configured all users look like one: the log says what to set (HP-4)."""
    addresses = ClientAddresses()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            addresses.find("10.0.0.5", [("host", "a"), (XFF, "192.0.2.1")])
        addresses.find("10.0.0.6", [("forwarded", "for=192.0.2.1")])
    assert 1 == len(caplog.records)
    assert "x-forwarded-for came from 10.0.0.5, which is not in trusted_proxies" in caplog.records[0].getMessage()


def test_what_needs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """No header, a trusted proxy, or a server that has put the client's address in place already."""
    with caplog.at_level(logging.WARNING):
        ClientAddresses().find("10.0.0.5", [("host", "a")])
        ClientAddresses(["10.0.0.5"]).find("10.0.0.5", [(XFF, "192.0.2.1")])
        assert "192.0.2.1" == ClientAddresses().find("192.0.2.1", [(XFF, "192.0.2.1")], resolved=True)
    assert [] == caplog.records


@pytest.mark.parametrize("trusted", ["10.0.0.5", ["proxy.internal"], ["10.0.0.1/8"], ["0.0.0.0/0"], ["::/0"], [""]])
def test_what_is_no_list_of_networks_is_refused(trusted: list[str]) -> None:
    """Names, networks with host bits, and the whole internet; the message names the setting."""
    with pytest.raises(ConfigurationError, match=r"^trusted_proxies: "):
        ClientAddresses(trusted)


def test_an_unknown_header_is_refused() -> None:
    """Only two can be read."""
    with pytest.raises(ConfigurationError, match=r"^forwarded_header: "):
        ClientAddresses([], "x-real-ip")  # type: ignore[arg-type] - what an application may write
