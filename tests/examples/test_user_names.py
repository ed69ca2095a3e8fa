"""The example with user names, driven by plain HTTP. Mission D026."""

from pathlib import Path

from tests.examples.example import PASSWORD, post_form, running_example

WRONG = {"status": "WRONG_CREDENTIALS_ERROR"}


def test_a_name_or_an_address(tmp_path: Path) -> None:
    """Both sign in and both reset; the mail goes to the address; neither can be taken twice; a deletion frees both."""
    with running_example("examples.user_names.app:app", tmp_path) as example, example.visitor() as ada:

        def sign_up(name: str, address: str) -> dict[str, object]:
            return post_form(ada, "/auth/signup", email=name, password=PASSWORD, address=address)

        def sign_in(who: str, password: str = PASSWORD) -> object:
            return post_form(ada, "/auth/signin", email=who, password=password)["status"]

        assert "OK" == sign_up("Ada_L", "Ada@example.com")["status"]
        assert {"user_name": "ada_l", "address": "ada@example.com"} == ada.get("/me").json()
        for name, address, wrong in [
            ("ada_l", "new@example.com", "email"),
            ("new", "ada@example.com", "address"),
            ("new@example.com", "new@example.com", "email"),
            ("no", "new@example.com", "email"),
            ("new", "nowhere", "address"),
        ]:
            answer = sign_up(name, address)
            assert ("FIELD_ERROR", wrong) == (answer["status"], answer["formFields"][0]["id"])  # type: ignore[index]
        for who in ("ADA_L", "ada_l", "ADA@example.com"):
            assert "OK" == sign_in(who)
        assert "WRONG_CREDENTIALS_ERROR" == sign_in("nobody@example.com")

        for number, who in enumerate(("ada_l", "ada@example.com")):
            assert {"status": "OK"} == post_form(ada, "/auth/user/password/reset/token", email=who)
            example.take_line("mail to ada@example.com")
            token = example.take_line("token=([\\w.~-]+)")[1]
            form = [{"id": "password", "value": f"correct horse {number + 2}"}]
            body = {"method": "token", "token": token, "formFields": form}
            assert "OK" == ada.post("/auth/user/password/reset", json=body).json()["status"]
            assert "OK" == sign_in(who, f"correct horse {number + 2}")

        assert 200 == ada.delete("/me").status_code
        assert "WRONG_CREDENTIALS_ERROR" == sign_in("ada@example.com", "correct horse 3")
        assert "OK" == sign_up("ada_l", "ada@example.com")["status"]
