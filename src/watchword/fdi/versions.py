"""Which version of the FDI a client speaks, and what that changes. Source: FDI 2."""

Version = tuple[int, ...]

#: What a client speaks that does not say, and every version we do not know yet.
NEWEST: Version = (4, 2)


def negotiate(header: str | None) -> Version:
    """The version to answer in: the numerically largest item of the client's list (FDI 2.1).

    A header that is absent or malformed means the newest.
    """
    if header is None:
        return NEWEST
    try:
        return max(tuple(int(part) for part in item.strip().split(".")) for item in header.split(","))
    except ValueError:
        return NEWEST


def has_linked_users(version: Version) -> bool:
    """Whether users have the second shape, with login methods (FDI 2.2)."""
    return (1, 18) <= version < (2, 0) or version >= (3, 0)


def default_linking_flag(version: Version) -> bool | None:
    """What a body without `shouldTryLinkingWithSessionUser` means; unset before 3.1 (FDI 11)."""
    return False if version >= (3, 1) else None
