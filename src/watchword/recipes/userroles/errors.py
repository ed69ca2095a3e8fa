"""The errors that only this recipe raises."""

from watchword.errors import BadInput


class RoleNotFound(BadInput):
    """There is no such role; make it first with `create_or_add_permissions`."""

    code = "role_not_found"

    def __init__(self) -> None:
        super().__init__("role", "there is no such role; make it with create_or_add_permissions")
