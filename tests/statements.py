"""Statements on a connection of their own, which is closed whatever comes of them."""

import asyncpg


async def execute(url: str, *statements: str) -> None:
    """Execute statements, one after the other."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
