"""The page for people who come from SuperTokens names what exists. Mission D076, D161."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import watchword
from tests.site import PASSWORD, running_site
from watchword import errors, recipes
from watchword.accounts.users import LoginMethod, User
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.smtp import SmtpService
from watchword.frameworks import fastapi
from watchword.recipes import EmailPassword, EmailVerification, UserRoles
from watchword.recipes.thirdparty import providers

PAGE = (Path(__file__).parents[1] / "docs" / "coming-from-supertokens.md").read_text()
TODAY = """get_user_id get_recipe_user_id get_tenant_id get_handle get_access_token get_access_token_payload
    merge_into_access_token_payload get_session_data_from_database update_session_data_in_database get_time_created
    get_expiry revoke_session assert_claims fetch_and_set_claim set_claim_value get_claim_value remove_claim
    get_all_session_tokens_dangerously attach_to_request_response"""


def rows(title: str = "") -> list[tuple[str, str]]:
    """The two columns of the tables, of one section or of all."""
    text = PAGE if not title else PAGE.split(f"## {title}\n")[1].partition("\n## ")[0]
    found = [tuple(line.strip("|").split(" | ")) for line in text.splitlines() if line.startswith("| ")]
    return [(left.strip(), right.strip()) for left, right in found if left.strip() != "SuperTokens"]


def test_every_method_of_their_session_stands_in_the_table() -> None:
    """Nobody looks for a name in vain."""
    assert TODAY.split() == [left.strip("`") for left, _ in rows("The session of a request")]


async def test_every_name_of_ours_exists(sqlite_url: str) -> None:
    """Names with dots are looked up on a real session, a real `Watchword` and our classes; others are exported."""
    async with running_site(sqlite_url, recipes=[EmailPassword(), UserRoles()]) as site:
        browser = site.browser("headers")
        await browser.sign_up("ada@example.com", PASSWORD)
        session = await site.auth.session_recipe.get_session(browser.tokens["st-access-token"])
        known: dict[str, Any] = {
            name: value
            for module in (errors, recipes, providers, watchword, fastapi)
            for name, value in vars(module).items()
        }
        known |= {"UserRoles": UserRoles(), "EmailVerification": EmailVerification(mode="OPTIONAL")}
        known |= {"session": session, "auth": site.auth, "EmailDelivery": EmailDelivery}
        known |= {"User": User, "LoginMethod": LoginMethod, "SmtpService": SmtpService}
        codes = [code for _, right in rows() for code in re.findall("`([^`]+)`", right)]
        names = [re.match(r"[A-Za-z_]+(?:\.[a-z_]+)*", code) for code in codes]
        looked_up = {name[0] for name in names if name is not None} - SETTINGS
        assert len(looked_up) > 70
        assert [] == [name for name in sorted(looked_up) if not exists(known, name)]


#: Words of the page that are arguments or variables; the guide, which is run, uses each of them.
SETTINGS = {"require", "disabled_apis", "origin", "super", "user_context"}


def exists(known: dict[str, Any], name: str) -> bool:
    """Whether a path of attributes leads somewhere; fields of classes count."""
    first, *rest = name.split(".")
    if first not in known:
        return False
    here = known[first]
    for step in rest:
        if is_dataclass(here) and step in {field.name for field in fields(here)}:
            return True
        if not hasattr(here, step):
            return False
        here = getattr(here, step)
    return True
