"""Which addresses an outgoing request may reach, and that it reaches the one that was checked (security SS-1)."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.http.addresses import (
    AddressGate,
    BlockedAddress,
    CheckedBackend,
    is_host,
    is_public_address,
    resolve_host,
)

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808"]
LOOPBACK = ["127.0.0.1", "127.255.0.3", "::1"]
NOT_PUBLIC = [
    *LOOPBACK,
    "0.0.0.0",  # noqa: S104 - an address to refuse, not a bind
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001:db8::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2002:7f00:1::",
    "2002:a00:1::",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
]


class RecordingBackend:
    """Stands where the HTTP library's own backend stands, and notes where connections were to go."""

    def __init__(self, refusing: Sequence[str] = ()) -> None:
        self.asked: list[tuple[str, int]] = []
        self.refusing = refusing

    async def connect_tcp(self, host: str, port: int, **options: Any) -> str:
        """Connect, or refuse as a dead address does."""
        self.asked.append((host, port))
        if host in self.refusing:
            raise OSError("refused")
        return f"connected to {host}"


def backend_for(
    recorder: RecordingBackend, *answers: Sequence[str], gate: AddressGate | None = None
) -> tuple[CheckedBackend, list[str]]:
    """A checked backend whose name server gives one answer after the other, and the list of its questions."""
    questions: list[str] = []
    remaining = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        questions.append(host)
        return remaining.pop(0)

    gate = gate or AddressGate((), allow_loopback=False)
    return CheckedBackend(recorder, gate, resolve), questions  # type: ignore[arg-type] - has the one method that is used


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_pass(text: str) -> None:
    """Addresses of the public Internet, also through the well-known NAT64 prefix."""
    assert is_public_address(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_other_addresses_do_not(text: str) -> None:
    """Private, loopback, link-local, multicast, unique-local, mapped, tunnelled, documentation, reserved."""
    assert not is_public_address(ip_address(text))


@given(st.ip_addresses(v=4))
def test_carrying_an_address_inside_ipv6_gains_nothing(address: Any) -> None:
    """Attack: write an inside IPv4 address in one of the IPv6 forms that hold one."""
    number = int(address)
    for prefix, shift in (("64:ff9b::", 0), ("2002::", 80)):
        form = ip_address(int(ip_address(prefix)) | number << shift)
        assert not is_public_address(form) or is_public_address(address)
    for prefix in ("::", "::ffff:0:0", "fe80::", "fc00::", "::ffff:0:0:0"):
        assert not is_public_address(IPv6Address(int(IPv6Address(prefix)) | number))


async def test_the_name_is_resolved_once_and_the_checked_address_is_used() -> None:
    """Attack, DNS rebinding: the name server answers with a public address for the check and an inside one after.

    There is no second question, and the connection goes to the address as a number.
    """
    recorder = RecordingBackend()
    backend, questions = backend_for(recorder, ["93.184.216.34"], ["127.0.0.1"])
    await backend.connect_tcp("provider.example", 443, timeout=5)
    assert (["provider.example"], [("93.184.216.34", 443)]) == (questions, recorder.asked)

    with pytest.raises(BlockedAddress):  # a new connection is checked anew
        await backend.connect_tcp("provider.example", 443, timeout=5)
    assert [("93.184.216.34", 443)] == recorder.asked


@pytest.mark.parametrize("bad", NOT_PUBLIC)
async def test_one_inside_address_among_public_ones_refuses_the_host(bad: str) -> None:
    """Attack: hide the inside address behind public ones that do not answer."""
    for answer in ([bad], ["8.8.8.8", bad], [bad, "8.8.8.8"]):
        recorder = RecordingBackend(refusing=["8.8.8.8"])
        backend, _ = backend_for(recorder, answer)
        with pytest.raises(BlockedAddress) as caught:
            await backend.connect_tcp("provider.example", 443, timeout=5)
        assert [] == recorder.asked
        assert bad not in str(caught.value).split()
        assert "allow_hosts" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "address", "allow_loopback", "passes"),
    [
        ("idp.corp", "10.0.0.7", False, True),
        ("other.corp", "10.0.0.7", False, False),
        ("sub.idp.corp", "10.0.0.7", False, False),
        ("localhost", "127.0.0.1", False, False),
        ("localhost", "127.0.0.1", True, True),
        ("localhost", "::1", True, True),
        ("anything.example", "127.0.0.1", True, True),
        ("anything.example", "10.0.0.7", True, False),
        ("localhost", "10.0.0.7", True, False),
        ("localhost", "93.184.216.34", True, False),
        ("app.localhost", "93.184.216.34", False, False),
        ("127.0.0.1", "127.0.0.1", True, True),
    ],
)
def test_what_the_settings_allow(host: str, address: str, allow_loopback: bool, passes: bool) -> None:
    """A named host may have any address; loopback is for development; a local name always means this machine."""
    gate = AddressGate(["idp.corp"], allow_loopback=allow_loopback)
    if passes:
        gate.check(host, [address])
    else:
        with pytest.raises(BlockedAddress):
            gate.check(host, [address])


async def test_the_next_address_is_tried_when_one_is_dead() -> None:
    """One of each family first, three at most; the last failure is told."""
    dead = ["2a00:1450::1", "8.8.8.8"]
    recorder = RecordingBackend(refusing=dead)
    backend, _ = backend_for(recorder, ["2a00:1450::1", "2a00:1450::2", "8.8.8.8", "1.1.1.1"])
    assert "connected to 2a00:1450::2" == await backend.connect_tcp("provider.example", 443, timeout=5)
    assert ["2a00:1450::1", "8.8.8.8", "2a00:1450::2"] == [host for host, _ in recorder.asked]

    backend, _ = backend_for(RecordingBackend(refusing=dead), dead, [])
    with pytest.raises(OSError, match="refused"):
        await backend.connect_tcp("provider.example", 443, timeout=5)
    with pytest.raises(OSError, match="has no address"):
        await backend.connect_tcp("provider.example", 443, timeout=5)


@pytest.mark.parametrize("spelling", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
async def test_other_spellings_of_loopback_are_loopback(spelling: str) -> None:
    """Attack: write the address so that a text comparison misses it; the resolver's answer is what counts."""
    addresses = await resolve_host(spelling, 443)
    assert addresses
    assert all(ip_address(address).is_loopback for address in addresses)
    with pytest.raises(BlockedAddress):
        AddressGate((), allow_loopback=False).check(spelling, addresses)


@pytest.mark.parametrize(
    "text", ["example.com", "a", "a.b.", "1.2.3.4", "::1", "2a00::1", "under_score.example", "x" * 63]
)
def test_usable_hosts(text: str) -> None:
    """Names of ASCII labels and addresses."""
    assert is_host(text)


NO_HOSTS = ["", ".", ".a", "a..b", "-a.b", "a b", "é.com", "a/b", "a@b", "a%", "::g", "fe80::1%eth0", "A.b"]


@pytest.mark.parametrize("text", [*NO_HOSTS, "x" * 64, "a." * 127 + "a"])
def test_unusable_hosts(text: str) -> None:
    """Empty or long labels, other characters, zones."""
    assert not is_host(text)
