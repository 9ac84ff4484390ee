"""Changes of account rules, dry or not: each folds the whole log again, beside the pages, and tells how far it is."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

import structlog

from worker.console.tokens import new_token
from worker.failure import POSTGRES_AWAY
from worker.failure_reason import reason_of
from worker.fold.account_rules import AccountRules
from worker.rebuild import Difference, RebuildError, RebuildOptions, rebuild
from worker.store.audit import insert_audit_entry
from worker.store.connections import Connection, lock_connection, update_rules
from worker.store.database import Database

_LOG = structlog.get_logger(__name__)
_MOST_KEPT = 20


class _ChangedMeanwhileError(Exception):
    """The connection is not what it was when its new rules were tried."""


@dataclass(slots=True)
class RuleChange:
    """One change under way or done: `difference` is there once it is done, `fault` where it failed.

    `operator`: who makes the change; empty for a dry run, which changes nothing.
    """

    id: str
    connection: Connection
    rules: AccountRules
    operator: str
    done_messages: int = 0
    total_messages: int = 0
    difference: Difference | None = None
    fault: str | None = None

    @property
    def is_dry_run(self) -> bool:
        """Whether it only says what would change."""
        return not self.operator

    @property
    def is_running(self) -> bool:
        """Whether it has not come to its end."""
        return self.difference is None and self.fault is None

    @property
    def percent(self) -> int:
        """How far it is."""
        return round(100 * self.done_messages / self.total_messages) if self.total_messages else 0


class RuleChanges:
    """The changes of this process, the last few of them."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._changes: OrderedDict[str, RuleChange] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, connection: Connection, rules: AccountRules, operator: str = "") -> RuleChange:
        """Begin a change that an operator makes to the connection, as long as it is still this one; or a dry run."""
        change = RuleChange(new_token(), connection, rules, operator)
        self._changes[change.id] = change
        while len(self._changes) > _MOST_KEPT:
            self._changes.popitem(last=False)
        task = asyncio.create_task(self._run(change))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return change

    def get(self, id_: str) -> RuleChange | None:
        """Give a change."""
        return self._changes.get(id_)

    async def close(self) -> None:
        """Give up what is under way; nothing of it is left but the rules, which `variance rebuild` applies."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, change: RuleChange) -> None:
        def on_progress(done: int, total: int) -> None:
            change.done_messages, change.total_messages = done, total

        connection = change.connection
        options = RebuildOptions(
            connection.workspace_id, {connection.id: change.rules}, change.is_dry_run, partial(_store, change)
        )
        try:
            change.difference = await rebuild(self._database_url, options, on_progress)
        except RebuildError as failure:
            change.fault = f"{failure}; try again when it is done."
        except _ChangedMeanwhileError:
            change.fault = f"Somebody else changed {connection.name} meanwhile. Nothing was done: look again."
        except POSTGRES_AWAY as failure:
            change.fault = f"Postgres: {reason_of(failure)}."
        except Exception as failure:  # noqa: BLE001 (told on the page; nobody else waits for the task)
            _LOG.exception("rule change failed", connection_id=connection.id)
            change.fault = f"It failed ({type(failure).__name__}); the log has more."


async def _store(change: RuleChange, database: Database, connection_id: str, rules: AccountRules) -> None:
    """Store the new rules and write down who changed them, both or neither. Raises _ChangedMeanwhileError."""
    if await lock_connection(database, connection_id) != change.connection:
        raise _ChangedMeanwhileError
    await update_rules(database, connection_id, rules)
    await insert_audit_entry(
        database, change.operator, "changed how accounts are matched", change.connection.name,
        accounts=rules.method, account_id_trait=rules.id_trait, account_name_trait=rules.name_trait,
        email_fallback=rules.email_fallback, mail_provider_accounts=rules.mail_provider_accounts,
        excluded_domains=sorted(rules.excluded_domains), included_domains=sorted(rules.included_domains),
    )  # fmt: skip
