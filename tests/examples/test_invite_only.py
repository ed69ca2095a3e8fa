"""The example with invitations, driven by plain HTTP. Mission D042."""

from pathlib import Path

from tests.examples.example import PASSWORD, post_form, running_example

REFUSED = {"status": "SIGN_UP_NOT_ALLOWED", "reason": "Please ask a member to invite you."}


def test_members_invite_and_nobody_else_comes_in(tmp_path: Path) -> None:
    """Attacks: no invitation, one that was made up, somebody else's, one that was used, an invitation by a stranger."""
    with (
        running_example("examples.invite_only.app:app", tmp_path, OWNER="owner@example.com") as example,
        example.visitor() as owner,
        example.visitor() as bo,
    ):
        assert "OK" == post_form(owner, "/auth/signup", email="owner@example.com", password=PASSWORD)["status"]
        invitation = {"email": "Bo@example.com"}
        assert 401 == bo.post("/invitations", json=invitation).status_code
        assert 422 == owner.post("/invitations", json={"email": "bo"}).status_code
        assert 200 == owner.post("/invitations", json=invitation).status_code
        token = example.take_line("invitation=([\\w-]+)")[1]

        def sign_up(email: str, **more: str) -> dict[str, object]:
            return post_form(bo, "/auth/signup", email=email, password=PASSWORD, **more)

        assert REFUSED == sign_up("bo@example.com")
        assert REFUSED == sign_up("bo@example.com", invitation="made-up")
        assert REFUSED == sign_up("eve@example.com", invitation=token)
        assert "OK" == sign_up("bo@example.com", invitation=token)["status"]
        assert REFUSED == sign_up("bo@example.com", invitation=token)
        assert 200 == bo.get("/me").status_code
        assert "OK" == post_form(bo, "/auth/signin", email="bo@example.com", password=PASSWORD)["status"]
