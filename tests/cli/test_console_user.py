from tests.cli.command import Variance


async def test_who_may_sign_in_is_said_by_command(variance: Variance) -> None:
    password = b"correct horse battery\n"
    added = await variance("console-user", "add", "ada", "--password-stdin", "--json", stdin=password)
    assert added.json == {"name": "ada", "has_password": True}
    link = (await variance("console-user", "link", CONSOLE_URL="https://console.example/")).out
    assert link.startswith("https://console.example/sign-in?token=")
    listed = (await variance("console-user", "list", "--json")).json
    assert [(user["name"], user["has_password"]) for user in listed] == [("ada", True), ("operator", False)]
    assert (await variance("console-user", "remove", "ada")).exit_code == 0
    assert "nobody named 'ada'" in (await variance("console-user", "remove", "ada")).failure


async def test_a_short_password_is_refused(variance: Variance) -> None:
    added = await variance("console-user", "add", "ada", "--password-stdin", stdin=b"short\n")
    assert "at least 12 characters" in added.failure
