"""Known devices: only what we sealed counts, and only at the accounts that signed in there."""

from tests.site import SECRET
from watchword.crypto.base64url import decode_base64url
from watchword.crypto.sealing import SecretRing
from watchword.protection.devices import MOST_ACCOUNTS, account_tag, device_cookie, read_device

SECRETS = SecretRing(SECRET)
ADA, EVE = account_tag("public", "ada@example.com"), account_tag("public", "eve@example.com")


def test_a_device_knows_the_accounts_that_signed_in_there() -> None:
    """A family's computer: several people, one device; a new sign-in keeps its id."""
    first = read_device(SECRETS, [device_cookie(SECRETS, None, ADA)], ADA)
    assert first is not None
    second = read_device(SECRETS, [device_cookie(SECRETS, first, EVE)], ADA)
    assert second is not None
    assert ((ADA,), (EVE, ADA), first.id) == (first.accounts, second.accounts, second.id)
    third = read_device(SECRETS, [device_cookie(SECRETS, second, ADA)], ADA)
    assert third is not None
    assert (ADA, EVE) == third.accounts


def test_two_browsers_are_two_devices() -> None:
    """Their ids are random."""
    devices = [read_device(SECRETS, [device_cookie(SECRETS, None, ADA)], ADA) for _ in range(2)]
    assert 2 == len({device.id for device in devices if device is not None})


def test_a_device_remembers_few_accounts() -> None:
    """The cookie stays small; who signed in longest ago is forgotten."""
    device = None
    for number in range(MOST_ACCOUNTS + 2):
        cookie = device_cookie(SECRETS, device, account_tag("public", str(number)))
        device = read_device(SECRETS, [cookie], ADA)
        assert len(cookie) < 250
    assert device is not None
    assert [account_tag("public", str(number)) for number in (5, 4, 3, 2)] == list(device.accounts)


def test_nobody_else_makes_or_reads_a_device() -> None:
    """Attack: claim to be the owner's browser with a made, changed or cut cookie, or one of another installation."""
    good = device_cookie(SECRETS, None, ADA)
    foreign = device_cookie(SecretRing("another secret of at least 32 bytes"), None, ADA)
    sealed_for_another_purpose = SECRETS.seal("refresh_token", b"x" * 16 + ADA)
    bad = [foreign, good[:-1], good[1:], good + "A", "", "é", "x" * 100_000, sealed_for_another_purpose.hex()]
    for cookie in bad:
        assert read_device(SECRETS, [cookie], ADA) is None
    assert ADA not in decode_base64url(good)


def test_of_several_cookies_the_one_that_knows_the_account_counts() -> None:
    """A cookie that a neighbouring host planted does not hide the owner's."""
    own, planted = device_cookie(SECRETS, None, ADA), device_cookie(SECRETS, None, EVE)
    for cookies in ([planted, own], [own, planted], ["garbage", own]):
        device = read_device(SECRETS, cookies, ADA)
        assert device is not None
        assert (ADA,) == device.accounts


def test_a_cookie_outlives_a_change_of_the_secret() -> None:
    """The old secret still opens it; the next sign-in seals it anew."""
    old = device_cookie(SECRETS, None, ADA)
    both = SecretRing(["a new secret of the tests, over 32 bytes", SECRET])
    device = read_device(both, [old], ADA)
    assert device is not None
    assert (ADA,) == device.accounts


def test_accounts_of_two_tenants_are_two() -> None:
    """The same address in another tenant is another account."""
    assert account_tag("a", "ada@example.com") != account_tag("b", "ada@example.com")
