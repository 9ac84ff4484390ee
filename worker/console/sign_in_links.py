"""One-time links by which somebody signs in without a password."""

from datetime import UTC, datetime, timedelta

from worker.console.tokens import new_token, token_sha256
from worker.store.console_users import ensure_user, insert_link
from worker.store.database import Database

LINK_LIFE = timedelta(hours=1)
OPERATOR = "operator"
"""Whom the link of `variance up` signs in."""


async def make_sign_in_link(database: Database, console_url: str, name: str) -> str:
    """Make a link that signs somebody in, once and within the hour; they are made where they are missing."""
    now = datetime.now(UTC)
    token = new_token()
    user_id = await ensure_user(database, name, now)
    await insert_link(database, token_sha256(token), user_id, now + LINK_LIFE)
    return f"{console_url}/sign-in?token={token}"
