"""Users and sign-in answers in the shape of the client's version. Source: FDI 2.2 to 2.4."""

from watchword.accounts.users import LoginMethod, User
from watchword.fdi.versions import Version, has_linked_users
from watchword.http.messages import JsonObject
from watchword.recipes.api import Answer


def shape_answer(answer: Answer, version: Version) -> JsonObject | None:
    """The body of an answer, with its user and new-user flag under the names of the version."""
    if answer.user is None:
        return answer.body
    linked = has_linked_users(version)
    body = dict(answer.body or {})
    if answer.created_new_recipe_user is not None:
        body["createdNewRecipeUser" if linked else "createdNewUser"] = answer.created_new_recipe_user
    body["user"] = _user_v2(answer.user) if linked else _user_v1(answer.user, answer.recipe_user_id)
    return body


def _user_v1(user: User, recipe_user_id: str | None) -> JsonObject:
    methods = user.login_methods
    method = next((m for m in methods if m.recipe_user_id == recipe_user_id), methods[0])
    shaped: JsonObject = {"id": user.id, "timeJoined": method.time_joined_ms}
    return shaped | _identity(method)


def _user_v2(user: User) -> JsonObject:
    methods = user.login_methods
    return {
        "id": user.id,
        "isPrimaryUser": False,
        "tenantIds": list(user.tenant_ids),
        "emails": list(dict.fromkeys(m.email for m in methods if m.email is not None)),
        "phoneNumbers": [],
        "thirdParty": [{"id": m.third_party.id, "userId": m.third_party.user_id} for m in methods if m.third_party],
        "webauthn": {"credentialIds": []},
        "loginMethods": [_login_method(method) for method in methods],
        "timeJoined": user.time_joined_ms,
    }


def _login_method(method: LoginMethod) -> JsonObject:
    shaped: JsonObject = {
        "recipeId": method.recipe_id,
        "recipeUserId": method.recipe_user_id,
        "tenantIds": list(method.tenant_ids),
        "timeJoined": method.time_joined_ms,
        "verified": method.verified,
    }
    return shaped | _identity(method)


def _identity(method: LoginMethod) -> JsonObject:
    shaped: JsonObject = {}
    if method.email is not None:
        shaped["email"] = method.email
    if method.third_party is not None:
        shaped["thirdParty"] = {"id": method.third_party.id, "userId": method.third_party.user_id}
    return shaped
