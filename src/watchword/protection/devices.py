"""Known devices: a sealed cookie that says at which accounts this browser has signed in before (security RL-2)."""

import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass, field

from watchword.crypto.base64url import decode_base64url, encode_base64url
from watchword.crypto.hashes import sha256
from watchword.crypto.sealing import SealBroken, SecretRing

DEVICE_COOKIE = "sKnownDevice"
MOST_ACCOUNTS = 4  # of one browser; of more, the one that signed in longest ago is forgotten

_PURPOSE = "known device"
_ID_BYTES = _TAG_BYTES = 16
_LONGEST_COOKIE = 400
_MOST_COOKIES = 4


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A browser with a random id, and the accounts that signed in there, the latest first."""

    id: bytes = field(repr=False)
    accounts: tuple[bytes, ...] = field(repr=False)


def account_tag(tenant_id: str, email: str) -> bytes:
    """What stands for an account in a device's cookie; nobody but us can look into it."""
    return sha256(f"{tenant_id}\n{email}".encode("utf-8", "surrogatepass"))[:_TAG_BYTES]


def read_device(secrets: SecretRing, cookies: Sequence[str], tag: bytes) -> KnownDevice | None:
    """The device that one of the cookies names, the first that knows the account before others; `None` without one."""
    devices = [device for cookie in cookies[:_MOST_COOKIES] if (device := _open(secrets, cookie)) is not None]
    return next((device for device in devices if tag in device.accounts), devices[0] if devices else None)


def device_cookie(secrets: SecretRing, device: KnownDevice | None, tag: bytes) -> str:
    """The cookie's new value after a sign-in: the device, or a new one, with the account in front."""
    id = randomness.token_bytes(_ID_BYTES) if device is None else device.id
    others = () if device is None else tuple(account for account in device.accounts if account != tag)
    return encode_base64url(secrets.seal(_PURPOSE, b"".join((id, tag, *others[: MOST_ACCOUNTS - 1]))))


def _open(secrets: SecretRing, cookie: str) -> KnownDevice | None:
    if len(cookie) > _LONGEST_COOKIE:
        return None
    try:
        data = secrets.open(_PURPOSE, decode_base64url(cookie))
    except (SealBroken, ValueError):  # from anywhere, or of a secret that is no longer configured
        return None
    tags = data[_ID_BYTES:]
    return KnownDevice(data[:_ID_BYTES], tuple(tags[at : at + _TAG_BYTES] for at in range(0, len(tags), _TAG_BYTES)))
