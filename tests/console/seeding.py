"""A log of any size, written by SQL past the fold: enough for the console's pages to have something to look through."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch
from uuid import UUID

import asyncpg
from asyncpg.connection import LoggedQuery

_CHUNK = 250_000
_INDEXES = """
SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'variance_data.messages'::regclass AND c.relname <> 'messages_by_position'
"""
_CONNECTIONS = """
INSERT INTO variance_data.workspaces (name, created_at) VALUES ('default', now()) ON CONFLICT DO NOTHING;
INSERT INTO variance_data.connections (id, workspace_id, name, secret_sha256, account_method, account_id_trait,
    account_name_trait, email_fallback, mail_provider_accounts, created_at)
SELECT 'c' || n, 1, 'Connection ' || n, 'x', 'email', 'company.id', 'company.name', true, false, now()
FROM generate_series(1, 5) n
"""
# One message in three comes from a visitor who is never seen again; a few people send a great deal.
_SENDER = """
CASE WHEN n % 3 = 0 THEN n % ($3::bigint / 2) + $3 / 2 ELSE (abs(hashint8(n)) % 1000)::bigint ^ 2 / 1e6 * $3 / 2 END
"""
_MESSAGES = f"""
INSERT INTO variance_data.messages (workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id,
    account_id, body, position)
SELECT 1, 'c' || (1 + n % 5), 'm' || n, (ARRAY['track', 'page', 'identify'])[1 + n % 3],
    now() - ($4 - n) * '90 days'::interval / $4, now() - ($4 - n) * '90 days'::interval / $4, md5('p' || s)::uuid, NULL,
    jsonb_build_object('type', 'track', 'event', 'Event ' || n % 50, 'userId', 'user-' || s, 'messageId', 'm' || n,
        'properties', jsonb_build_object('path', '/pages/' || n % 997, 'seats', n % 13, 'plan', 'team'),
        'context', jsonb_build_object('ip', '192.0.2.1', 'userAgent', repeat('Mozilla/5.0 ', 8))),
    nextval('variance_data.messages_position_seq')
FROM (SELECT n, ({_SENDER})::bigint AS s FROM generate_series($1::bigint, $2::bigint) n) t
"""  # noqa: S608 (our own text)
_PEOPLE = (
    """INSERT INTO variance_data.accounts (workspace_id, id, source, key, is_own, traits, first_seen_at, last_seen_at)
    SELECT 1, md5('a' || n)::uuid, 'email', 'company' || n || '.example', true,
        jsonb_build_object('name', jsonb_build_array(1, 'm', 'c', 'Company ' || n)), now(), now()
    FROM generate_series(0, $1::bigint / 20) n""",
    """INSERT INTO variance_data.contacts (workspace_id, id, external_id, email, traits, account_id, first_seen_at,
        last_seen_at)
    SELECT 1, md5('p' || n)::uuid, CASE WHEN n < $1::bigint / 2 THEN 'user-' || n END,
        CASE WHEN n < $1 / 2 THEN 'person' || n || '@company' || n % ($1 / 20) || '.example' END,
        CASE WHEN n < $1 / 2 THEN jsonb_build_object('name', 'Person ' || n, 'plan', (ARRAY['team', 'free'])[1 + n % 2])
            ELSE '{}' END,
        -- the first account is a very large one
        CASE WHEN n < $1 / 10 THEN md5('a0')::uuid WHEN n < $1 / 2 THEN md5('a' || n % ($1 / 20))::uuid END,
        now() - '90 days'::interval, now()
    FROM generate_series(0, $1 - 1) n""",
    """INSERT INTO variance_data.search_words (workspace_id, subject_id, is_account, words)
    SELECT c.workspace_id, c.id, false, variance_data.words(c.external_id, c.email, c.traits)
    FROM variance_data.contacts c WHERE c.external_id IS NOT NULL AND $1::bigint > 0""",
    """INSERT INTO variance_data.search_words (workspace_id, subject_id, is_account, words)
    SELECT a.workspace_id, a.id, true, variance_data.words(a.key, NULL, variance_data.plain_traits(a.traits))
    FROM variance_data.accounts a WHERE $1::bigint > 0""",
    """INSERT INTO variance_data.identities (workspace_id, id, value, is_user, is_anonymous, contact_id, first_seen,
        last_seen_at, traits, account_evidence, is_quarantined)
    SELECT 1, md5('p' || n)::uuid, 'user-' || n, n < $1::bigint / 2, n >= $1 / 2, md5('p' || n)::uuid,
        '[1, "m1", "c1"]', now(), '{}', '{}', false
    FROM generate_series(0, $1 - 1) n""",
    """INSERT INTO variance_data.audience_signals (workspace_id, subject_id, is_account, audience, occurred_at,
        message_id, connection_id, is_member)
    SELECT 1, md5('p' || n % ($1::bigint / 4))::uuid, false, 'audience_' || n % 5,
        now() - ($1 - n) * '60 days'::interval / $1, 's' || n, 'c1', n % 3 > 0
    FROM generate_series(1, $1) n""",
    """INSERT INTO variance_data.dead_letters (workspace_id, connection_id, message_id, reason, detail, body,
        received_at, died_at)
    SELECT 1, 'c' || (1 + n % 4), 'd' || n, (ARRAY['missing_field', 'invalid_field', 'missing_id'])[1 + n % 3],
        'Something is wrong', '{}', now(), now()
    FROM generate_series(1, $1::bigint / 10) n""",
    """INSERT INTO variance_data.audit_log (changed_at, user_name, action, subject, detail)
    SELECT now(), 'ada', 'disabled', 'c' || n, '{}' FROM generate_series(1, $1::bigint / 10) n""",
    """INSERT INTO variance_data.queue_samples
    SELECT date_trunc('minute', now()) - n * '10 seconds'::interval, n, n, 0, 0, 0, 0, array_fill(0, ARRAY[16]),
        array_fill(0, ARRAY[16])
    FROM generate_series(1, least($1::bigint, 60000)) n""",
)


async def fill(
    database: "asyncpg.Connection[asyncpg.Record]", messages: int, people: int
) -> AsyncIterator[int]:
    """Write so many messages of so many people; give how many are written, now and then."""
    await database.execute(_CONNECTIONS)
    indexes = await database.fetch(_INDEXES)  # made anew afterwards, which is faster
    for index in indexes:
        await database.execute(f"DROP INDEX variance_data.{index['name']}")
    for first in range(1, messages + 1, _CHUNK):
        last = min(first + _CHUNK - 1, messages)
        await database.execute(_MESSAGES, first, last, people, messages)
        yield last
    for index in indexes:
        await database.execute(index["definition"])
    for statement in _PEOPLE:
        await database.execute(statement, people)
    await database.execute("VACUUM ANALYZE")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query that the console has made, and how long it took."""

    query: str
    args: tuple[object, ...]
    seconds: float


@contextmanager
def recorded_queries() -> Iterator[list[Asked]]:
    """Collect the queries of every console that is started meanwhile."""
    asked: list[Asked] = []

    def record(logged: LoggedQuery) -> None:
        asked.append(Asked(logged.query, tuple(logged.args or ()), logged.elapsed))

    async def listen(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        connection.add_query_logger(record)

    with patch("asyncpg.create_pool", partial(asyncpg.create_pool, setup=listen)):
        yield asked


async def pages_to_look_at(database: "asyncpg.Connection[asyncpg.Record]") -> dict[str, str]:
    """Give the paths of the pages by what they show, the largest account and the busiest person among them."""
    person: UUID = await database.fetchval("SELECT md5('p0')::uuid")
    account: UUID = await database.fetchval("SELECT md5('a0')::uuid")
    behind: UUID = await database.fetchval("SELECT md5('p42')::uuid")
    return {
        "Connections": "/connections",
        "a connection": "/connections/c1",
        "its light": "/connections/c1/light",
        "Live": "/live",
        "Live, one connection": "/live?connection=c3",
        "Live, a rare type": "/live?type=alias",
        "Live, one person": "/live?id=user-0",
        "a message": "/message?connection=c2&id=m1",
        "Contacts, recent": "/contacts",
        "Contacts, unmatched": "/contacts?view=unmatched",
        "Contacts, unmatched, later": f"/contacts?view=unmatched&behind=a{behind}",
        "Contacts, all, later": f"/contacts?view=all&behind={behind}",
        "Contacts by id": "/contacts?q=user-17",
        "Contacts by e-mail": "/contacts?q=person17@company17.example",
        "Contacts by name": "/contacts?q=Person+17",
        "Contacts by a common word": "/contacts?q=person",
        "Contacts by domain": "/contacts?q=company17.example",
        "Contacts by trait": "/contacts?q=plan%3Dteam",
        "a busy contact": f"/contacts/1/{person}",
        "Accounts, recent": "/accounts",
        "Accounts, all": "/accounts?view=all",
        "Accounts by name": "/accounts?q=Company+17",
        "a large account": f"/accounts/1/{account}",
        "Audiences": "/audiences",
        "an audience": "/audience?name=audience_1",
        "Queue, hour": "/queue",
        "Queue, week": "/queue?range=week",
        "Dead letters": "/dead-letters",
        "Dead letters, later": "/dead-letters?reason=missing_id&before=100",
        "a dead letter": "/dead-letters/7",
        "Audit log": "/audit",
    }
