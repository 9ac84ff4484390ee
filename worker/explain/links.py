"""Which messages make a contact's members one, and which of their links have no effect, and why.

The rules are those of `worker.fold.links`; the reasons are those of the view `variance.merges`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from schemas.ids import is_no_id
from worker.explain.evidence import ContactRef, Evidence
from worker.fold.ids import identity_id
from worker.fold.stamp import Stamp


@dataclass(frozen=True, slots=True)
class Link:
    """That a message says that two ids are one: an alias, or a claim of an anonymous visitor for a user.

    An id is None where the value identifies nobody. `withdrawn_at` can be None although the link was withdrawn.
    """

    kind: Literal["alias", "claim"]
    previous_value: str
    user_value: str
    previous_id: UUID | None
    user_id: UUID | None
    stamp: Stamp
    is_withdrawn: bool = False
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IdleLink:
    """A link that does not hold the contact together. `other_contact` is where its other end belongs, if elsewhere."""

    link: Link
    outcome: Literal["refused", "withdrawn", "recorded", "redundant"]
    reason: str
    other_contact: ContactRef | None


def links_of(evidence: Evidence) -> list[Link]:
    """Give all links that name a member, the earliest first, each message's own two links together."""
    withdrawn_at = {withdrawal.stamp[1:]: withdrawal.withdrawn_at for withdrawal in evidence.withdrawals}
    links = [
        Link(
            "alias", alias.previous_value, alias.user_value, alias.previous_id, alias.user_id, alias.stamp,
            alias.is_withdrawn, withdrawn_at.get(alias.stamp[1:]),
        )
        for alias in evidence.aliases
    ]  # fmt: skip
    told = {(link.previous_id, link.user_id, link.stamp) for link in links}
    claims = [*_stored_claims(evidence), *_withdrawn_claims(evidence)]
    links += [claim for claim in claims if (claim.previous_id, claim.user_id, claim.stamp) not in told]
    return sorted(links, key=lambda link: (link.stamp, link.kind))


def _stored_claims(evidence: Evidence) -> Iterable[Link]:
    values = {id_: member.value for id_, member in evidence.members.items()}
    values |= {id_: outsider.value for id_, outsider in evidence.outsiders.items()}
    for claim in evidence.claims:
        visitor, user = values.get(claim.anonymous_id), values.get(claim.user_id)
        if visitor is not None and user is not None:
            yield Link("claim", visitor, user, claim.anonymous_id, claim.user_id, claim.stamp)


def _withdrawn_claims(evidence: Evidence) -> Iterable[Link]:
    for withdrawal in evidence.withdrawals:
        visitor, user = withdrawal.anonymous_value, withdrawal.user_value
        if visitor is None or user is None or is_no_id(visitor) or is_no_id(user) or visitor == user:
            continue
        ids = identity_id(evidence.workspace_id, visitor), identity_id(evidence.workspace_id, user)
        if evidence.members.keys() & set(ids):
            yield Link(
                "claim", visitor, user, *ids, withdrawal.stamp, is_withdrawn=True, withdrawn_at=withdrawal.withdrawn_at
            )


def links_in_effect(evidence: Evidence, links: Iterable[Link]) -> list[Link]:
    """Give the links that join members: aliases of users, and for each anonymous visitor the earliest bid."""
    joins: list[Link] = []
    bids: dict[UUID, Link] = {}
    for link in links:
        previous = evidence.members.get(link.previous_id) if link.previous_id is not None else None
        if previous is None or link.user_id in (None, previous.id) or link.is_withdrawn:
            continue
        if evidence.is_quarantined(previous.id) or evidence.is_quarantined(link.user_id):
            continue
        if previous.is_anonymous and not previous.is_user:
            best = bids.get(previous.id)
            if best is None or link.stamp < best.stamp:
                bids[previous.id] = link
        elif link.kind == "alias":
            joins.append(link)
    return [*joins, *bids.values()]


def links_behind(anchor: UUID, links: Iterable[Link]) -> dict[UUID, Link]:
    """Give for each member but the anchor the link by which it hangs together with it.

    Of several that would do, the earliest is given: in the order of time, those links that joined what was apart.
    """
    places: dict[UUID, set[UUID]] = {}
    needed: dict[UUID, list[tuple[UUID, Link]]] = {}
    for link in sorted(links, key=lambda link: (link.stamp, link.kind)):
        if link.previous_id is None or link.user_id is None:
            continue
        one = places.setdefault(link.previous_id, {link.previous_id})
        other = places.setdefault(link.user_id, {link.user_id})
        if one is not other:
            places.update(dict.fromkeys(other, one))
            one |= other
            needed.setdefault(link.previous_id, []).append((link.user_id, link))
            needed.setdefault(link.user_id, []).append((link.previous_id, link))
    return _hang(anchor, needed)


def _hang(anchor: UUID, needed: Mapping[UUID, Sequence[tuple[UUID, Link]]]) -> dict[UUID, Link]:
    behind: dict[UUID, Link] = {}
    waiting = [anchor]
    while waiting:
        for neighbour, link in needed.get(waiting.pop(), ()):
            if neighbour != anchor and neighbour not in behind:
                behind[neighbour] = link
                waiting.append(neighbour)
    return behind


def idle_links(evidence: Evidence, links: Iterable[Link], behind: Iterable[Link]) -> list[IdleLink]:
    """Give the links that do not hold the contact together, in the order of `links`, and why each does not."""
    needed = set(behind)
    return [_judge(evidence, link) for link in links if link not in needed]


def _judge(evidence: Evidence, link: Link) -> IdleLink:
    ends = [evidence.outsiders.get(id_) for id_ in (link.previous_id, link.user_id) if id_ is not None]
    elsewhere = next((end.contact for end in ends if end is not None), None)
    if link.is_withdrawn:
        return IdleLink(link, "withdrawn", "the link was withdrawn", elsewhere)
    if link.previous_id is not None and link.previous_id == link.user_id:
        return IdleLink(link, "recorded", "the previousId is the userId", elsewhere)
    if evidence.is_quarantined(link.previous_id) or evidence.is_quarantined(link.user_id):
        return IdleLink(link, "refused", "an id of the two is quarantined", elsewhere)
    if link.previous_id is not None and link.user_id is not None and elsewhere is None:
        return IdleLink(link, "redundant", "another link makes them one contact", None)
    return IdleLink(link, "refused", _refusal(evidence, link), elsewhere)


def _refusal(evidence: Evidence, link: Link) -> str:
    if link.previous_id is None:
        return "the previousId identifies nobody"
    if link.user_id is None:
        return "the userId identifies nobody"
    previous = evidence.members.get(link.previous_id) or evidence.outsiders.get(link.previous_id)
    if link.kind == "claim" and previous is not None and previous.is_user:
        return "the anonymousId is itself a userId"
    return "the anonymous visitor was claimed for another user earlier"
