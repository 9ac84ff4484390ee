"""`variance explain`: why a contact is what it is."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import orjson

from worker.cli.connecting import open_database
from worker.cli.named_contact import as_uuid, find_contact
from worker.cli.options import data_option, json_option
from worker.cli.output import print_fields, print_json, print_table
from worker.cli.servers import Servers, find_servers
from worker.explain.explanation import Explanation, Member, Said, ToldLink, explain_contact
from worker.store.explanations import Candidate, read_evidence

_FOUND_BY = {
    "contact_id": "its id",
    "earlier_contact_id": "another id of this contact",
    "identity": "one of its members",
    "email": "its e-mail address",
}


@click.group("explain")
def explain_group() -> None:
    """Say why something is what it is, message by message."""


@explain_group.command()
@click.argument("id_", metavar="ID")
@click.option("--workspace", metavar="W", help="The contact's workspace, where ID is in several.")
@data_option
@json_option
def contact(id_: str, workspace: str | None, directory: Path, *, as_json: bool) -> None:
    """Show which messages made a contact what it is: its members, its name, its account, its traits.

    ID is a contact's id, also one from before a merge, a userId, an anonymousId, or an e-mail address.
    """
    text = id_.encode(errors="replace").decode()
    found_by, explanation = asyncio.run(_explain(find_servers(directory), text, workspace))
    if as_json:
        print_json({"found_by": found_by, "contact": explanation})
    else:
        _print(text, found_by, explanation)


async def _explain(servers: Servers, text: str, workspace: str | None) -> tuple[str, Explanation]:
    async with (
        open_database(servers) as database,
        database.transaction(isolation="repeatable_read", readonly=True),
    ):
        candidate = await find_contact(database, text, workspace)
        return _found_by(text, candidate), explain_contact(await read_evidence(database, candidate))


def _found_by(text: str, candidate: Candidate) -> str:
    if candidate.identity_id is None:
        return "email"
    if candidate.identity_id != as_uuid(text):
        return "identity"
    return "contact_id" if candidate.identity_id == candidate.contact_id else "earlier_contact_id"


def _print(text: str, found_by: str, contact_: Explanation) -> None:
    account = contact_.account
    print_fields([
        ("contact", contact_.id),
        ("found by", f"{text}, {_FOUND_BY[found_by]}"),
        ("workspace", contact_.workspace),
        ("external id", contact_.external_id),
        ("named by", _name_reason(contact_)),
        *(("quarantined", _quarantine_text(member)) for member in contact_.members if member.quarantined_links),
        ("e-mail", contact_.email),
        ("account", f"{account.name} ({account.source} {account.key})" if account else None),
        ("first seen", contact_.first_seen_at),
        ("last seen", contact_.last_seen_at),
    ])  # fmt: skip
    for title, columns, rows in _tables(contact_):
        if rows:
            click.echo()
            print_table(columns, rows, title=title)


def _name_reason(contact_: Explanation) -> str:
    if contact_.naming_alias is not None:
        return _link_text(contact_.naming_alias) + ", " + " ".join(_source(contact_.naming_alias.message)[:2])
    return "no userId is known" if contact_.external_id is None else "its userId"


def _quarantine_text(member: Member) -> str:
    return f"{member.value} is linked with {member.quarantined_links} other ids, so that none of the links counts"


def _tables(contact_: Explanation) -> Iterable[tuple[str, Sequence[str], Sequence[Sequence[object]]]]:
    said = ("message", "connection", "at")
    yield "Members", ("identity", "kind", "first seen", "link", *said), [
        (m.value, m.kind, m.first_seen_at, *_link_cells(m.link)) for m in contact_.members
    ]  # fmt: skip
    yield "Links that do not hold it together", ("link", "outcome", "why", *said, "other contact", "withdrawn"), [
        (
            _arrow(idle.kind, idle.previous_id, idle.user_id), idle.outcome, idle.reason, *_source(idle.message),
            _other(idle.other_contact_id, idle.other_external_id), idle.withdrawn_at,
        )
        for idle in contact_.idle_links
    ]  # fmt: skip
    yield "Account", ("source", "key", "name", "outcome", "why", "said by", *said), [
        (e.source, e.key, e.name, "won" if e.is_winner else "lost", e.reason, e.identity, *_source(e.message))
        for e in contact_.account_evidence
    ]  # fmt: skip
    yield "Traits", ("trait", "value", "outcome", "said by", *said), list(_trait_rows(contact_))


def _trait_rows(contact_: Explanation) -> Iterable[Sequence[object]]:
    for trait in contact_.traits:
        outcome = "removed" if trait.is_removed else "set"
        yield trait.name, _value(trait.value), outcome, trait.identity, *_source(trait.message)
        for lost in trait.overridden:
            outcome = "removal overridden" if lost.is_removed else "overridden"
            yield trait.name, _value(lost.value), outcome, lost.identity, *_source(lost.message)


def _link_cells(link: ToldLink | None) -> Sequence[object]:
    return ("itself", None, None, None) if link is None else (_link_text(link), *_source(link.message))


def _link_text(link: ToldLink) -> str:
    return _arrow(link.kind, link.previous_id, link.user_id)


def _arrow(kind: str, previous_id: str, user_id: str) -> str:
    return f"{kind} {previous_id} → {user_id}"


def _source(message: Said) -> tuple[str, str, object]:
    return message.message_id, message.connection, message.occurred_at


def _other(id_: UUID | None, external_id: str | None) -> str | None:
    return None if id_ is None else f"{id_} {external_id or ''}".rstrip()


def _value(value: Any) -> str | None:
    """Write a trait's value as JSON, so that the text `"true"` is told from true."""
    return None if value is None else orjson.dumps(value).decode()
