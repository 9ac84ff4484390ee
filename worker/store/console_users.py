"""Who may sign in to the console, and their sessions. Tokens are kept by their SHA-256 only."""

from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from worker.sql import statement
from worker.store.database import Database


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """Somebody who may sign in; without a password by links only."""

    id: int
    name: str
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """Somebody who is signed in, until `expires_at`."""

    user_id: int
    name: str
    expires_at: datetime


async def upsert_user(database: Database, name: str, password_hash: str, now: datetime) -> int:
    """Make somebody who may sign in, or give them another password; give their number."""
    id_: int = await database.fetchval(statement("upsert_console_user"), name, password_hash, now)
    return id_


async def ensure_user(database: Database, name: str, now: datetime) -> int:
    """Give the number of somebody who may sign in by links, made where they are missing."""
    id_: int = await database.fetchval(statement("ensure_console_user"), name, now)
    return id_


async def find_user(database: Database, name: str) -> ConsoleUser | None:
    """Find somebody who may sign in."""
    row = await database.fetchrow(statement("find_console_user"), name)
    return None if row is None else ConsoleUser(**dict(row))


async def list_users(database: Database) -> list[Record]:
    """List who may sign in: name, has_password, created_at."""
    return await database.fetch(statement("list_console_users"))


async def delete_user(database: Database, name: str) -> bool:
    """Remove somebody, with their sessions. False where there is nobody of this name."""
    return await database.fetchval(statement("delete_console_user"), name) is not None


async def insert_session(
    database: Database, token_sha256: str, user_id: int, now: datetime, expires_at: datetime
) -> None:
    """Begin a session."""
    await database.execute(statement("insert_console_session"), token_sha256, user_id, now, expires_at)


async def find_session(database: Database, token_sha256: str, now: datetime) -> ConsoleSession | None:
    """Find whose session a token opens; None where it opens none any more."""
    row = await database.fetchrow(statement("find_console_session"), token_sha256, now)
    return None if row is None else ConsoleSession(**dict(row))


async def extend_session(database: Database, token_sha256: str, expires_at: datetime) -> None:
    """Move a session's end."""
    await database.execute(statement("extend_console_session"), token_sha256, expires_at)


async def delete_session(database: Database, token_sha256: str) -> None:
    """End a session."""
    await database.execute(statement("delete_console_session"), token_sha256)


async def delete_sessions(database: Database, user_id: int) -> None:
    """End all sessions of somebody."""
    await database.execute(statement("delete_console_sessions"), user_id)


async def insert_link(database: Database, token_sha256: str, user_id: int, expires_at: datetime) -> None:
    """Make a link by which somebody signs in once."""
    await database.execute(statement("insert_sign_in_link"), token_sha256, user_id, expires_at)


async def find_link(database: Database, token_sha256: str, now: datetime) -> str | None:
    """Give the name of whom a link signs in, without using it up; None where it is not good."""
    name: str | None = await database.fetchval(statement("find_sign_in_link"), token_sha256, now)
    return name


async def take_link(database: Database, token_sha256: str, now: datetime) -> tuple[int, str] | None:
    """Use a link up: give whom it signs in, or None where it is not good any more."""
    row = await database.fetchrow(statement("take_sign_in_link"), token_sha256, now)
    return None if row is None else (row["id"], row["name"])


async def forget_ended(database: Database, now: datetime) -> None:
    """Forget the sessions and links that have ended."""
    await database.execute(statement("delete_old_sessions"), now)
    await database.execute(statement("delete_old_links"), now)
