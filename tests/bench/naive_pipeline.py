"""The pipeline that a competent team writes in a day with the same packages: one arq job and one transaction a message.

`python -m tests.bench.naive_pipeline MESSAGES` enqueues and applies so many on the servers of `REDIS_URL` and
`DATABASE_URL`, and prints how many it applied a second.
"""

import logging
import os
import sys
import time
from typing import Any, cast

import asyncpg
import orjson
import uvloop
from arq import create_pool, func
from arq.connections import RedisSettings
from arq.typing import WorkerCoroutine
from arq.worker import Worker

from tests.bench.traffic import traffic

_TABLES = """
DROP SCHEMA IF EXISTS naive CASCADE;
CREATE SCHEMA naive;
CREATE TABLE naive.accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text UNIQUE, name text, traits jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE naive.contacts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, external_id text UNIQUE, traits jsonb NOT NULL DEFAULT '{}',
    account_id bigint, updated_at timestamptz DEFAULT now()
);
CREATE TABLE naive.events (
    message_id text PRIMARY KEY, type text, name text, contact_id bigint, properties jsonb, context jsonb,
    occurred_at timestamptz
);
CREATE INDEX ON naive.events (contact_id, occurred_at);
"""
_CONTACT = """
INSERT INTO naive.contacts (external_id) VALUES ($1)
ON CONFLICT (external_id) DO UPDATE SET updated_at = now() RETURNING id
"""
_ACCOUNT = """
INSERT INTO naive.accounts AS a (key, name, traits) VALUES ($1, $1, $2)
ON CONFLICT (key) DO UPDATE SET traits = a.traits || excluded.traits RETURNING id
"""
_EVENT = "INSERT INTO naive.events VALUES ($1, $2, $3, $4, $5, $6, now()) ON CONFLICT DO NOTHING"
_SET_TRAITS = "UPDATE naive.contacts SET traits = traits || $2::jsonb WHERE id = $1"
_SET_ACCOUNT = "UPDATE naive.contacts SET account_id = $2 WHERE id = $1"
_MERGE = (
    "UPDATE naive.events SET contact_id = $2 WHERE contact_id = $1",
    "UPDATE naive.contacts n SET traits = o.traits || n.traits FROM naive.contacts o WHERE o.id = $1 AND n.id = $2",
    "DELETE FROM naive.contacts WHERE id = $1 AND $2::bigint IS NOT NULL",
)


async def apply(context: dict[str, Any], message: dict[str, Any]) -> None:
    """Apply one message."""
    async with context["pool"].acquire() as database, database.transaction():
        contact_id = await database.fetchval(_CONTACT, message.get("userId") or message.get("anonymousId"))
        await _APPLY.get(message["type"], _apply_event)(database, message, contact_id)


async def _apply_identify(database: Any, message: dict[str, Any], contact_id: int) -> None:
    traits = message["traits"]
    await database.execute(_SET_TRAITS, contact_id, _json(traits))
    if "@" in traits.get("email", ""):
        account_id = await database.fetchval(_ACCOUNT, traits["email"].split("@")[1], "{}")
        await database.execute(_SET_ACCOUNT, contact_id, account_id)


async def _apply_group(database: Any, message: dict[str, Any], contact_id: int) -> None:
    account_id = await database.fetchval(_ACCOUNT, message["groupId"], _json(message["traits"]))
    await database.execute(_SET_ACCOUNT, contact_id, account_id)


async def _apply_alias(database: Any, message: dict[str, Any], contact_id: int) -> None:
    find = "SELECT id FROM naive.contacts WHERE external_id = $1 FOR UPDATE"
    previous_id = await database.fetchval(find, message["previousId"])
    if previous_id is not None and previous_id != contact_id:
        for statement in _MERGE:
            await database.execute(statement, previous_id, contact_id)


async def _apply_event(database: Any, message: dict[str, Any], contact_id: int) -> None:
    name = message.get("event") or message.get("name")
    properties, context = _json(message["properties"]), _json(message["context"])
    await database.execute(_EVENT, message["messageId"], message["type"], name, contact_id, properties, context)


_APPLY = {"identify": _apply_identify, "group": _apply_group, "alias": _apply_alias}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


async def main(messages: int) -> None:
    """Enqueue and apply; print messages a second."""
    logging.getLogger("arq").setLevel(logging.ERROR)
    settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
    queue = await create_pool(settings)
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=16) as pool:
        await pool.execute(_TABLES)
        for message in traffic(messages):
            await queue.enqueue_job("apply", message)
        worker = Worker(
            [func(cast("WorkerCoroutine", apply), name="apply")],
            redis_settings=settings,
            burst=True,
            max_jobs=64,
            poll_delay=0.01,
            keep_result=0,
            handle_signals=False,
            ctx={"pool": pool},
        )
        started_at = time.perf_counter()
        await worker.async_run()
        seconds = time.perf_counter() - started_at
        await worker.close()
        print(messages / seconds)  # noqa: T201 (the answer)
    await queue.aclose()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
