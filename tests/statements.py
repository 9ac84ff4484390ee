"""Statements on a connection of their own, which is closed whatever comes of them."""

import asyncio

import asyncpg


async def execute(url: str, *statements: str) -> None:
    """Execute statements, one after the other."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def query(url: str, *statements: str) -> object:
    """Run the statements; give the last one's first value."""

    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(run())
