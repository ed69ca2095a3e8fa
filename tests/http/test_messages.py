"""Requests as plain data: what is in them, and that showing one shows no secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.http.messages import HttpRequest, HttpResponse


@pytest.mark.parametrize(
    ("headers", "cookies"),
    [
        ([], {}),
        (["a=1"], {"a": ["1"]}),
        (["a=1; b=2"], {"a": ["1"], "b": ["2"]}),
        (["a=1; a=2", "a=3"], {"a": ["1", "2", "3"]}),
        (['a="quoted"'], {"a": ["quoted"]}),
        (["a=x%3Dy%20z"], {"a": ["x=y z"]}),
        (["a=b=c"], {"a": ["b=c"]}),
        ([" a = 1 ;b=2;"], {"a": ["1"], "b": ["2"]}),
        (["a; =; ;;;=x"], {"": ["", "x"]}),
        (["a=%ff%"], {"a": ["\ufffd%"]}),
    ],
)
def test_cookies_are_read_in_order(headers: list[str], cookies: dict[str, list[str]]) -> None:
    """All values of a name, over all headers, decoded and without quotes (FDI 4.11)."""
    request = HttpRequest("GET", "/", headers=tuple(("cookie", header) for header in headers))
    assert cookies == request.cookies


@given(st.lists(st.text()))
def test_any_cookie_header_is_read(headers: list[str]) -> None:
    """Fuzz: whatever a client sends as cookies, reading them never fails."""
    request = HttpRequest("GET", "/", headers=tuple(("cookie", header) for header in headers))
    assert all(isinstance(value, str) for values in request.cookies.values() for value in values)


def test_headers_and_query_are_found_by_name() -> None:
    """The first header of a name; all values of a parameter, in order."""
    request = HttpRequest("GET", "/", query=(("a", "1"), ("b", "2"), ("a", "3")), headers=(("x", "1"), ("x", "2")))
    assert "1" == request.header("x")
    assert request.header("y") is None
    assert ["1", "3"] == request.query_values("a")
    assert [] == request.query_values("c")


def test_showing_a_request_or_a_response_shows_no_secret() -> None:
    """Canary: query, headers, cookies and bodies stay out of `repr` (security LG-1)."""
    secret = "canary"
    request = HttpRequest(
        "GET", "/", query=(("code", secret),), headers=(("authorization", secret), ("cookie", secret))
    )
    response = HttpResponse(200, headers=(("set-cookie", secret),), body=secret.encode())
    assert secret not in repr(request) + repr(response)
    assert "HttpRequest(method='GET', path='/', client_address=None)" == repr(request)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("location", "/\r\nset-cookie: sAccessToken=planted"),
        ("location", "/\nx"),
        ("location", "/\0"),
        ("location", "/ключ"),  # not Latin-1
        ("location", "/\x7f"),
        ("x-a\r\nset-cookie", "a=b"),
        ("x a", "b"),
        ("", "b"),
        ("X-Upper", "b"),
    ],
)
def test_a_response_refuses_what_no_header_may_hold(name: str, value: str) -> None:
    """Attack: end a header early and write the next one, by a text that an override puts there (security CK-7)."""
    with pytest.raises(ValueError, match="no header may hold"):
        HttpResponse(200, ((name, value),))


def test_a_response_takes_every_header_that_http_allows() -> None:
    """Latin-1, tabs and empty values are good."""
    headers = (("x-a", "\tÿ é~"), ("st-access-token", ""), ("x!#$%&'*+.^_`|~-1", "a"))
    assert headers == HttpResponse(200, headers).headers


@pytest.mark.parametrize("blank", ["\xa0", "\x85", "\x1c", "\x0b", "\x0c"])
def test_only_blanks_and_tabs_around_a_cookie_are_cut(blank: str) -> None:
    """Attack: set a cookie that is called U+00A0 and then ours, which no rule of the browser protects.

    Python's `strip` cuts more than browsers do, so that it counted as ours.
    """
    header = f"{blank}sAccessToken=planted; sAccessToken{blank}=planted; \tsAccessToken\t = real"
    assert ["real"] == HttpRequest("GET", "/", headers=(("cookie", header),)).cookies["sAccessToken"]
