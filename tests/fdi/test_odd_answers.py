"""Overrides that answer with what cannot be sent."""

from typing import Any

import pytest

from tests.site import running_site
from watchword.errors import GeneralError
from watchword.recipes import Answer, ApiRequest, EmailPassword

WEBSITE = "http://localhost:3000"


class Odd(EmailPassword):
    """Answers by the name it is asked for."""

    async def email_exists_get(self, email: str, api: ApiRequest) -> Answer:
        if email == "message":
            raise GeneralError("no text: \ud800")
        odd: dict[str, Any] = {
            "object": Answer(body={"secret": object()}),
            "unicode": Answer(body={"a": 1}, headers=(("location", "/ключ"),)),
            "lines": Answer(body={"a": 1}, headers=(("location", "/\r\nset-cookie: sAccessToken=planted"),)),
        }
        return odd.get(email) or await super().email_exists_get(email, api)


@pytest.mark.parametrize("asked", ["message", "object", "unicode", "lines"])
async def test_an_answer_that_cannot_be_sent_is_a_server_error_that_a_page_can_read(
    sqlite_url: str, asked: str
) -> None:
    """Attack: a text of the attacker's that an override echoes, in a header or a message, breaks the answer.

    It used to end as the server's own plain 500, without the headers that let a page read it, or as a cut
    connection. It is the contract's 500: a code and an id to find it in the log by, nothing of the text.
    """
    async with running_site(sqlite_url, recipes=[Odd()], website_domain=WEBSITE) as site:
        answer = await site.browser(origin=WEBSITE).get(f"/auth/emailpassword/email/exists?email={asked}")
        assert 500 == answer.status_code
        assert {"message", "code", "correlationId"} == set(answer.json())
        assert WEBSITE == answer.headers["access-control-allow-origin"]
        assert not {"location", "set-cookie"} & set(answer.headers)


async def test_a_header_name_may_be_written_in_any_case(sqlite_url: str) -> None:
    """`Cache-Control` of an override counts: the answer says it once."""

    class Cached(EmailPassword):
        async def email_exists_get(self, email: str, api: ApiRequest) -> Answer:
            return Answer(body={}, headers=(("Cache-Control", "max-age=5"),))

    async with running_site(sqlite_url, recipes=[Cached()]) as site:
        answer = await site.browser().get("/auth/emailpassword/email/exists?email=a@b.co")
        assert ["max-age=5"] == answer.headers.get_list("cache-control")
