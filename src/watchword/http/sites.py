"""Which hosts are one site for cookies, by the public suffix list. Source: FDI 4.3; cookie draft 6265bis, 5.2."""

from functools import cache, lru_cache
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList


def registrable_domain(host: str) -> str:
    """The part of a host that its owner registered: `a.example.co.uk` gives `example.co.uk`.

    As the official backends count: every host that starts with `localhost` and every IPv4 address are the
    one domain `localhost`. A host that is itself a public suffix (`ec2-1-2-3-4.compute-1.amazonaws.com`,
    a single name without dots) stands for itself.
    """
    name = _normalised(host)
    if name.startswith("localhost") or _is_ipv4(name):
        return "localhost"
    return _public_suffixes().privatesuffix(name) or name


@lru_cache(maxsize=1_000)  # asked several times a request, about the few origins of a configuration
def is_same_site(origin_a: str, origin_b: str) -> bool:
    """Whether a browser sends `SameSite=Lax` cookies of one origin with calls from the other.

    Args:
        origin_a: Scheme, host and port, for example `https://api.example.com`.
        origin_b: Likewise; ports do not count, schemes do.
    """
    a, b = urlsplit(origin_a), urlsplit(origin_b)
    host_a, host_b = a.hostname or "", b.hostname or ""
    # One host is one site whatever the list says: most applications never need to load it.
    same_domain = host_a == host_b or registrable_domain(host_a) == registrable_domain(host_b)
    return a.scheme == b.scheme and same_domain


def is_public_suffix(host: str) -> bool:
    """Whether anyone may register names under this host, so that no cookie may name it (security SC-5).

    Private suffixes such as `github.io` count, and so does every single name but `localhost`; addresses do not.
    """
    name = _normalised(host)
    if name == "localhost" or _is_ipv4(name) or ":" in name:
        return False
    return _public_suffixes().privatesuffix(name) is None


def _normalised(host: str) -> str:
    return host.lower().strip(".")


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


@cache
def _public_suffixes() -> PublicSuffixList:
    """The list that came with the package: no network. Loading it takes some 40 ms, so at first use."""
    return PublicSuffixList()
