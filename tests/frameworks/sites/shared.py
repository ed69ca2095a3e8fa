"""The `Watchword` of a site in a process of its own; each framework's site has the same routes around it."""

import os

from tests.site import SECRET
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.recipes import EmailPassword

#: Another origin than the API's, so that the cross-origin headers matter.
WEBSITE = "http://localhost:3000"


def make_auth() -> Watchword:
    """As the test says in the environment."""
    return Watchword(
        app_info=AppInfo(app_name="Test", api_domain=os.environ["TEST_API_DOMAIN"], website_domain=WEBSITE),
        database=os.environ["DATABASE_URL"],
        secret=SECRET,
        recipe_list=[EmailPassword()],
        passwords=PasswordHasher(workers=1),
    )
