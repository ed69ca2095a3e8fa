"""The form check: the contract's order, the contract's sentences, and validators of the application."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.accounts.email import INVALID_EMAIL, verify_email
from watchword.errors import BadInput, ConfigurationError, FieldError, FieldErrors, HookFailed
from watchword.recipes.emailpassword.form_fields import (
    InputFormField,
    Validate,
    read_form_fields,
    sign_in_fields,
    sign_up_fields,
    validate_password,
)
from watchword.recipes.session_feature import FormField
from watchword.telemetry.hooks import Hooks

ADA = {"id": "email", "value": "ada@example.com"}
PASSWORD = {"id": "password", "value": "correct horse 1"}


def validate_email(value: Any, tenant_id: str) -> str | None:
    """The default of the recipe, without the recipe."""
    try:
        verify_email(value)
    except BadInput:
        return INVALID_EMAIL
    return None


def always(answer: Any) -> Validate:
    """A validator that answers this, whatever comes."""

    def validate(value: Any, tenant_id: str) -> Any:
        return answer

    return validate


def at_least_15(value: Any, tenant_id: str) -> str | None:
    """Another password policy."""
    return "Too short" if len(value) < 15 else None


def one_of_us(value: Any, tenant_id: str) -> str | None:
    """Addresses of one domain only."""
    return None if value.endswith("@us.example") else "Not one of us"


def fields(*own: InputFormField) -> tuple[InputFormField, ...]:
    """The sign-up fields for these of the application."""
    return sign_up_fields(own, validate_email=validate_email, validate_password=validate_password)


async def read(elements: Any, own: Sequence[InputFormField] = (), tenant_id: str = "public") -> tuple[FormField, ...]:
    """Read a body of these elements as a sign-up form."""
    return await read_form_fields({"formFields": elements}, fields(*own), tenant_id, Hooks())


async def errors_of(elements: Any, *own: InputFormField) -> list[FieldError]:
    """The field errors for these elements."""
    with pytest.raises(FieldErrors) as caught:
        await read(elements, own)
    return list(caught.value.fields)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Missing input param: formFields"),
        ({"formfields": []}, "Missing input param: formFields"),
        ({"formFields": None}, "formFields must be an array"),
        ({"formFields": "abcd"}, "formFields must be an array"),
        ({"formFields": {"id": "email"}}, "formFields must be an array"),
        ({"formFields": [None]}, "All elements of formFields must be an object"),
        ({"formFields": ["email"]}, "All elements of formFields must be an object"),
        ({"formFields": [["email", "x"]]}, "All elements of formFields must be an object"),
        ({"formFields": [{}]}, "All elements of formFields must contain an 'id' and 'value' field"),
        ({"formFields": [{"id": "email"}]}, "All elements of formFields must contain an 'id' and 'value' field"),
        ({"formFields": [{"value": "x"}]}, "All elements of formFields must contain an 'id' and 'value' field"),
        (
            {"formFields": [{"id": 1, "value": "x"}]},
            "All elements of formFields must contain an 'id' and 'value' field",
        ),
        ({"formFields": [{"id": "email", "value": 1}, PASSWORD]}, "email value must be a string"),
        ({"formFields": [{"id": "email", "value": None}, PASSWORD]}, "email value must be a string"),
        ({"formFields": [ADA, {"id": "password", "value": ["x"]}]}, "password value must be a string"),
        ({"formFields": [ADA, PASSWORD, {"id": "age", "value": 1}]}, "Are you sending too many formFields?"),
        ({"formFields": [ADA, ADA]}, "All elements of formFields must have different ids"),
    ],
)
async def test_a_body_of_another_shape_is_a_400_with_the_contracts_sentence(body: dict[str, Any], message: str) -> None:
    """Rules 2 to 7 of FDI 3.3, in their order, before any validator runs."""
    with pytest.raises(BadInput) as caught:
        await read_form_fields(body, fields(), "public", Hooks())
    assert message == caught.value.message


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        (
            [{"id": "email", "value": 1}, PASSWORD, {"id": "age"}],
            "All elements of formFields must contain an 'id' and 'value' field",
        ),
        ([{"id": "email", "value": 1}, PASSWORD, {"id": "age", "value": 1}], "email value must be a string"),
        ([ADA, ADA, PASSWORD], "Are you sending too many formFields?"),
        ([ADA, ADA | {"value": ""}], "All elements of formFields must have different ids"),
    ],
)
async def test_of_two_mistakes_the_earlier_rule_is_named(elements: list[dict[str, Any]], message: str) -> None:
    """The rules are one after the other, each for all elements."""
    with pytest.raises(BadInput) as caught:
        await read(elements)
    assert message == caught.value.message


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("", "Field is not optional"),
        ("short1", "Password must contain at least 8 characters, including a number"),
        ("1234567", "Password must contain at least 8 characters, including a number"),
        ("12345678", "Password must contain at least one alphabet"),
        ("éééééééé1", "Password must contain at least one alphabet"),
        ("abcdefgh", "Password must contain at least one number"),
        ("a" * 99 + "1", "Password's length must be lesser than 100 characters"),
        ("a1" * 5_000, "Password's length must be lesser than 100 characters"),
    ],
)
async def test_the_default_password_rule_says_the_contracts_sentences(password: str, expected: str) -> None:
    """Eight to 99 characters, an ASCII letter and a digit, refused in the order of FDI 3.3."""
    assert [FieldError("password", expected)] == await errors_of([ADA, {"id": "password", "value": password}])


@pytest.mark.parametrize("password", ["abcdefg1", "a" * 98 + "1", "  a1  a1  ", "pässwörd 1", "1\n\tabcdef"])
async def test_an_accepted_password_comes_back_exactly_as_sent(password: str) -> None:
    """Never trimmed, never normalised (security PW-8)."""
    read_fields = await read([{"id": "password", "value": password}, ADA])
    assert FormField("password", password) in read_fields


@pytest.mark.parametrize(
    "email", ["ada", "ada@", "ada@localhost", "ada@a.example,eve@b.example", "ada\x00@x.com", "\ud800@x.y"]
)
async def test_the_default_email_rule_says_the_contracts_sentence(email: str) -> None:
    """What is not exactly one address is `Email is not valid`, NUL and unpaired surrogates included."""
    assert [FieldError("email", "Email is not valid")] == await errors_of([{"id": "email", "value": email}, PASSWORD])


async def test_the_email_is_trimmed_and_comes_back_in_normal_form() -> None:
    """Hooks, lookups and storage all see the one spelling."""
    read_fields = await read([{"id": "email", "value": "  Ada@Example.COM "}, PASSWORD])
    assert (FormField("password", "correct horse 1"), FormField("email", "ada@example.com")) == read_fields


async def test_a_blank_email_is_a_missing_one() -> None:
    """Trimming comes before the check for emptiness (rule 6 before rule 8)."""
    assert [FieldError("email", "Field is not optional")] == await errors_of([{"id": "email", "value": "  "}, PASSWORD])


async def test_all_errors_come_together_password_first_by_default() -> None:
    """Without fields of the application the order is `password`, `email`."""
    assert [
        FieldError("password", "Password must contain at least 8 characters, including a number"),
        FieldError("email", "Email is not valid"),
    ] == await errors_of([{"id": "email", "value": "ada"}, {"id": "password", "value": "x"}])
    assert ["password", "email"] == [error.id for error in await errors_of([])]


async def test_errors_come_in_the_order_of_the_applications_fields() -> None:
    """The application's list decides; what it left out of `password` and `email` comes last."""
    own = (InputFormField("age"), InputFormField("email"), InputFormField("name"))
    assert ["age", "email", "name", "password"] == [error.id for error in await errors_of([], *own)]


async def test_a_missing_field_of_the_applications_own() -> None:
    """A required one must be there and not be empty; an optional one may be missing, empty or null."""
    name, nick = InputFormField("name"), InputFormField("nick", optional=True)
    not_optional = [FieldError("name", "Field is not optional")]
    assert not_optional == await errors_of([ADA, PASSWORD], name)
    assert not_optional == await errors_of([ADA, PASSWORD, {"id": "name", "value": ""}], name)
    assert not_optional == await errors_of([ADA, PASSWORD, {"id": "name", "value": None}], name)
    assert not_optional == await errors_of([ADA, PASSWORD, {"id": "another", "value": "x"}], name)
    for value in ("", None):
        assert FormField("nick", value) in await read([ADA, PASSWORD, {"id": "nick", "value": value}], (nick,))
    assert 2 == len(await read([ADA, PASSWORD], (nick,)))


@pytest.mark.parametrize("value", [0, False, True, 1.5, [], {}, {"a": [1, None]}, "text", " text "])
async def test_own_fields_may_hold_any_json_value(value: Any) -> None:
    """Zero, false and empty containers are values; the hooks get them unchanged."""
    read_fields = await read([ADA, PASSWORD, {"id": "extra", "value": value}], (InputFormField("extra"),))
    assert FormField("extra", value) in read_fields


async def test_an_unknown_field_in_place_of_an_optional_one_is_not_handed_on() -> None:
    """It only counts against the number of fields (FDI 3.3); nobody downstream sees it."""
    own = (InputFormField("nick", optional=True),)
    read_fields = await read([ADA, PASSWORD, {"id": "isAdmin", "value": True}], own)
    assert {"email", "password"} == {field.id for field in read_fields}


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", {"a": ["\udfff"]}, {"\x00": 1}])
async def test_text_that_no_database_takes_is_refused_by_name(value: Any) -> None:
    """NUL and unpaired surrogates, also deep inside, never reach a hook of the application."""
    with pytest.raises(BadInput) as caught:
        await read([ADA, PASSWORD, {"id": "name", "value": value}], (InputFormField("name"),))
    assert "name" == caught.value.field
    with pytest.raises(BadInput) as caught:
        await read([ADA, {"id": "password", "value": "abcdefg1\x00"}])
    assert "password" == caught.value.field


@pytest.mark.parametrize("value", [10**30, -(10**30), 2**63, {"a": [2**64]}])
async def test_a_number_that_no_session_takes_is_refused_by_name(value: Any) -> None:
    """Attack: an age of thirty digits, which a hook copies into the session.

    The sign-up ended as a server error, with the user made and no session.
    """
    with pytest.raises(BadInput) as caught:
        await read([ADA, PASSWORD, {"id": "age", "value": value}], (InputFormField("age"),))
    assert "age" == caught.value.field


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 1e300, True])
async def test_a_number_that_fits_is_handed_on(value: Any) -> None:
    """Up to the last one of 64 bits."""
    assert FormField("age", value) in await read(
        [ADA, PASSWORD, {"id": "age", "value": value}], (InputFormField("age"),)
    )


async def test_own_validators_are_sync_or_async_and_know_the_tenant() -> None:
    """Both kinds get `(value, tenant_id)`; what they answer is shown to the person."""
    seen: list[tuple[Any, str]] = []

    def of_age(value: Any, tenant_id: str) -> str | None:
        seen.append((value, tenant_id))
        return None if value >= 18 else "You must be 18"

    async def is_free(value: Any, tenant_id: str) -> str | None:
        await asyncio.sleep(0)
        seen.append((value, tenant_id))
        return f"{value} is taken"

    own = (InputFormField("age", of_age), InputFormField("nick", is_free))
    sent = [ADA, PASSWORD, {"id": "age", "value": 17}, {"id": "nick", "value": "ada"}]
    with pytest.raises(FieldErrors) as caught:
        await read(sent, own, "t1")
    assert (FieldError("age", "You must be 18"), FieldError("nick", "ada is taken")) == caught.value.fields
    assert [(17, "t1"), ("ada", "t1")] == seen


async def test_a_validator_that_raises_is_the_applications_failure_by_name() -> None:
    """The log names the field, the cause is chained, and the value is in no message."""

    def broken(value: Any, tenant_id: str) -> str | None:
        return str(1 // 0)

    with pytest.raises(HookFailed, match="'age' raised ZeroDivisionError") as caught:
        await read([ADA, PASSWORD, {"id": "age", "value": "s3cret"}], (InputFormField("age", broken),))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("answer", [False, True, 0, ["no"]])
async def test_a_validator_that_answers_no_sentence_is_the_applications_failure(answer: Any) -> None:
    """A validator written as "is it valid?" must not let everything or nothing pass in silence."""
    with pytest.raises(HookFailed, match="'age' returned"):
        await read([ADA, PASSWORD, {"id": "age", "value": 1}], (InputFormField("age", always(answer)),))


async def test_an_own_password_rule_replaces_the_default() -> None:
    """One line sets another policy (security PW-8)."""
    own = (InputFormField("password", at_least_15),)
    assert [FieldError("password", "Too short")] == await errors_of([ADA, PASSWORD | {"value": "abcdefg1"}], *own)
    assert FormField("password", "only letters here") in await read(
        [ADA, PASSWORD | {"value": "only letters here"}], own
    )


async def test_an_own_email_rule_holds_at_sign_in_too_and_the_password_rule_does_not() -> None:
    """Sign-in has only the two fields: the e-mail validator, and no password policy (FDI 3.3)."""
    own = (
        InputFormField("password", always("never")),
        InputFormField("email", one_of_us),
        InputFormField("name"),
    )
    of_sign_in = sign_in_fields(fields(*own))
    assert ["password", "email"] == [field.id for field in of_sign_in]
    with pytest.raises(FieldErrors) as caught:
        await read_form_fields({"formFields": [ADA, {"id": "password", "value": "x"}]}, of_sign_in, "public", Hooks())
    assert (FieldError("email", "Not one of us"),) == caught.value.fields
    ours = {"id": "email", "value": "Eve@us.example"}
    body = {"formFields": [ours, {"id": "password", "value": "x"}]}
    assert 2 == len(await read_form_fields(body, of_sign_in, "public", Hooks()))


async def test_an_own_email_rule_cannot_let_pass_what_splits_an_address() -> None:
    """User names are fine, two addresses in one are not, whatever the application's rule says."""
    own = (InputFormField("email", always(None)),)
    assert FormField("email", "ada") in await read([{"id": "email", "value": "Ada"}, PASSWORD], own)
    for value in ("a@b.example,c@d.example", "a\x00", "\ud800", "a\r\nb", "a" * 321):
        error = FieldError("email", "Email is not valid")
        assert [error] == await errors_of([{"id": "email", "value": value}, PASSWORD], *own)


@pytest.mark.parametrize(
    "own",
    [
        [InputFormField("age"), InputFormField("age")],
        [InputFormField("")],
        [InputFormField("email", optional=True)],
        [InputFormField("password", optional=True)],
    ],
)
def test_fields_that_cannot_work_stop_the_start(own: list[InputFormField]) -> None:
    """The setting is named, with what to change."""
    with pytest.raises(ConfigurationError, match=r"form_fields: .+; (use|leave)"):
        fields(*own)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
elements = st.fixed_dictionaries(
    {}, optional={"id": st.sampled_from(["email", "password", "age"]) | json_values, "value": json_values}
)


@given(json_values | st.lists(elements | json_values, max_size=4))
async def test_no_form_makes_the_check_fail_otherwise_than_by_name(form_fields: Any) -> None:
    """Whatever JSON comes, the answer is the fields or one of our errors, never a crash."""
    own = (InputFormField("age", optional=True),)
    try:
        read_fields = await read(form_fields, own)
    except (BadInput, FieldErrors):
        return
    assert {"email", "password"} <= {field.id for field in read_fields}


@given(st.text())
def test_an_accepted_password_has_8_to_99_characters_a_letter_and_a_digit(password: str) -> None:
    """The rule, said the other way round."""
    if validate_password(password, "public") is None:
        assert 8 <= len(password) <= 99
        assert any(character.isascii() and character.isalpha() for character in password)
        assert any(character in "0123456789" for character in password)
