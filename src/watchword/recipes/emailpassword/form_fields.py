"""The form fields of sign-up and sign-in: which there are, their validators, and the check of what was sent.

The order of the checks and every sentence are the contract's (FDI 3.3); official clients show them.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from watchword.accounts.email import INVALID_EMAIL, normalise_email
from watchword.errors import BadInput, ConfigurationError, FieldError, FieldErrors, HookFailed
from watchword.recipes.session_feature import FormField
from watchword.setting_types import checked_settings
from watchword.signatures import check_callable
from watchword.telemetry.hooks import Hooks

Validate = Callable[[Any, str], str | Awaitable[str | None] | None]
"""`(value, tenant_id)` to a sentence for the person at the screen, or `None` when the value is fine."""

NOT_OPTIONAL = "Field is not optional"

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # NUL and unpaired surrogates


@checked_settings()
@dataclass(frozen=True, slots=True)
class InputFormField:
    """One field of the sign-up form.

    Attributes:
        id: Its name on the wire. `email` and `password` are always there; list them to replace their
            validators. All others are the application's own and are handed to the hooks.
        validate: Sync or async; called with the value (any JSON value, never missing, `null` or empty
            text) and the tenant id. It returns a sentence that is shown beside the field, or `None` when
            the value is fine; raising is a failure of the server. Without one, any value is fine. The one of
            `email` is used at sign-in as well, the one of `password` only where a password is chosen.
        optional: Whether it may be missing or empty; `email` and `password` may not.
    """

    id: str
    validate: Validate | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        check_callable(f"form_fields {self.id!r}, validate", self.validate, "value", "tenant_id")


def sign_up_fields(
    own: Sequence[InputFormField], *, validate_email: Validate, validate_password: Validate
) -> tuple[InputFormField, ...]:
    """The fields of sign-up: the application's in its order, then those of `password` and `email` it left out.

    Args:
        own: What the application configured.
        validate_email: The default for `email`.
        validate_password: The default for `password`.

    Raises:
        ConfigurationError: A field comes twice, has no name, or is `email` or `password` and optional.
    """
    _check_configured(own)
    defaults: dict[str, Validate] = {"password": validate_password, "email": validate_email}
    listed = [
        replace(field, validate=field.validate or defaults[field.id]) if field.id in defaults else field
        for field in own
    ]
    missing = [InputFormField(id, validate) for id, validate in defaults.items() if all(id != f.id for f in own)]
    return (*listed, *missing)


def sign_in_fields(of_sign_up: Sequence[InputFormField]) -> tuple[InputFormField, ...]:
    """The fields of sign-in: `email` with its validator and `password` with none, in the order of sign-up."""
    return tuple(
        field if field.id == "email" else InputFormField(field.id)
        for field in of_sign_up
        if field.id in ("email", "password")
    )


def only_field(id: str, of_sign_up: Sequence[InputFormField]) -> tuple[InputFormField, ...]:
    """A form with one field of sign-up, validator included."""
    return tuple(field for field in of_sign_up if field.id == id)


def validate_password(value: Any, _tenant_id: str) -> str | None:
    """The default rule for a new password: 8 to 99 characters, an ASCII letter and a digit.

    Not our own choice: the official sign-up page shows these sentences (security PW-8). An
    `InputFormField("password", …)` replaces it; a password over 1 024 bytes stays refused.
    """
    password = cast("str", value)
    if len(password) < 8:
        return "Password must contain at least 8 characters, including a number"
    if len(password) >= 100:
        return "Password's length must be lesser than 100 characters"
    if re.search("[A-Za-z]", password) is None:
        return "Password must contain at least one alphabet"
    if re.search("[0-9]", password) is None:
        return "Password must contain at least one number"
    return None


async def check_field(field: InputFormField, value: str, tenant_id: str, hooks: Hooks) -> None:
    """Raise `FieldErrors` when one value breaks the rule of its field; for values that came by no form.

    Raises:
        HookFailed: As in `read_form_fields`.
    """
    error = await _find_error(field, value, tenant_id, hooks)
    if error is not None:
        raise FieldErrors([FieldError(field.id, error)])


async def read_form_fields(
    body: Mapping[str, Any], fields: Sequence[InputFormField], tenant_id: str, hooks: Hooks
) -> tuple[FormField, ...]:
    """Check the `formFields` of a body and return the configured ones among them, in configured order.

    The e-mail address comes back in normal form, the password exactly as sent.

    Raises:
        BadInput: The body has not the shape of the contract; the field is named.
        FieldErrors: All values that were refused, in configured order.
        HookFailed: A validator of the application raised or answered neither text nor `None`.
    """
    sent = _read_shape(body, len(fields))
    values = {field.id: sent[field.id] for field in fields if field.id in sent}
    for id, value in values.items():
        if id != "email" and not _is_storable(value):  # an address with these is simply not valid
            raise BadInput(
                id, f"{id} value must be text without NUL and without unpaired surrogates; its numbers fit in 64 bits"
            )
    errors: list[FieldError] = []
    for field in fields:
        error = await _find_error(field, values.get(field.id), tenant_id, hooks)
        if error is not None:
            errors.append(FieldError(field.id, error))
    if errors:
        raise FieldErrors(errors)
    return tuple(
        FormField(field.id, normalise_email(values["email"]) if field.id == "email" else values[field.id])
        for field in fields
        if field.id in values
    )


def _check_configured(own: Sequence[InputFormField]) -> None:
    if isinstance(own, str | InputFormField):
        raise ConfigurationError("form_fields", 'is not a list; write a list like [InputFormField("age")]')
    seen: set[str] = set()
    for field in cast("Sequence[Any]", own):
        if not isinstance(field, InputFormField):
            example = field if isinstance(field, str) else "age"
            raise ConfigurationError("form_fields", f'holds {field!r}; write InputFormField("{example}")')
        if not field.id or field.id in seen:
            raise ConfigurationError("form_fields", f"the id {field.id!r} is empty or listed twice; use each id once")
        if field.optional and field.id in ("email", "password"):
            raise ConfigurationError("form_fields", f"{field.id} cannot be optional; leave optional=True out")
        seen.add(field.id)


def _read_shape(body: Mapping[str, Any], expected: int) -> dict[str, Any]:
    """The values by id, in the shape of FDI 3.3, rules 2 to 7, or `BadInput`."""
    if "formFields" not in body:
        raise BadInput("formFields", "Missing input param: formFields")
    elements: Any = body["formFields"]
    if not isinstance(elements, list):
        raise BadInput("formFields", "formFields must be an array")
    read = [_read_element(element) for element in cast("list[Any]", elements)]
    for id, value in read:
        if id in ("email", "password") and not isinstance(value, str):
            raise BadInput(id, f"{id} value must be a string")
    if len(read) > expected:
        raise BadInput("formFields", "Are you sending too many formFields?")
    values = {id: value.strip() if id == "email" else value for id, value in read}
    if len(values) < len(read):  # two readers could each take another one of them; the contract is silent here
        raise BadInput("formFields", "All elements of formFields must have different ids")
    return values


def _read_element(element: Any) -> tuple[str, Any]:
    if not isinstance(element, dict):
        raise BadInput("formFields", "All elements of formFields must be an object")
    members = cast("dict[str, Any]", element)
    id = members.get("id")
    if not isinstance(id, str) or "value" not in members:
        raise BadInput("formFields", "All elements of formFields must contain an 'id' and 'value' field")
    return id, members["value"]


def _is_storable(value: Any) -> bool:
    """Whether all text and numbers inside a JSON value are what databases, hashes and sessions take."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, list):
        return all(_is_storable(item) for item in cast("list[Any]", value))
    if isinstance(value, dict):
        return all(_is_storable(key) and _is_storable(item) for key, item in cast("dict[str, Any]", value).items())
    if isinstance(value, int):  # a hook that puts a longer one into the session would fail the sign-up half-way
        return -(2**63) <= value < 2**63
    return True


async def _find_error(field: InputFormField, value: Any, tenant_id: str, hooks: Hooks) -> str | None:
    if value is None or value == "":
        return None if field.optional else NOT_OPTIONAL
    error = await _run_validator(field, value, tenant_id, hooks)
    if error is None and field.id == "email":
        try:
            normalise_email(value)  # a validator of the application's own may have let more pass than can be stored
        except BadInput:
            return INVALID_EMAIL
    return error


async def _run_validator(field: InputFormField, value: Any, tenant_id: str, hooks: Hooks) -> str | None:
    validate = field.validate
    if validate is None:
        return None
    hook = f"validate of form field {field.id!r}"
    error = await hooks.call(hook, lambda: validate(value, tenant_id))
    if error is not None and not isinstance(error, str):
        raise HookFailed(hook, f"returned {type(error).__name__}; return a sentence, or None")
    return error
