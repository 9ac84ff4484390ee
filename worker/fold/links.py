"""Links: which identities are one contact.

An alias joins two users. An anonymous visitor belongs to whoever claimed it first, by a message with both ids or by
an alias; so a shared browser never glues two people together.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from worker.fold.facts import AliasCall, Facts
from worker.fold.identity import Identity
from worker.fold.stamp import Stamp


class LooseEndError(Exception):
    """A link leads to an identity that was not read; somebody else linked it meanwhile."""


class Claim(msgspec.Struct, frozen=True):
    """The earliest message in which a user appeared together with an anonymous visitor."""

    anonymous_id: UUID
    user_id: UUID
    stamp: Stamp


class Component(msgspec.Struct, frozen=True):
    """Identities that are one contact: its id, its members, and the alias that names it.

    `is_as_before`: no link changed, so that the contact's name stands.
    """

    contact_id: UUID
    members: tuple[UUID, ...]
    naming_alias: AliasCall | None
    is_as_before: bool = False


def claims_of(batch: Iterable[Facts]) -> dict[tuple[UUID, UUID], Claim]:
    """Give the earliest claim of each visitor and user among these messages."""
    claims: dict[tuple[UUID, UUID], Claim] = {}
    for facts in batch:
        if facts.user is None or facts.anonymous is None or not facts.is_claim:
            continue
        pair = (facts.anonymous.id, facts.user.id)
        known = claims.get(pair)
        if known is None or facts.message.stamp < known.stamp:
            claims[pair] = Claim(*pair, facts.message.stamp)
    return claims


def components_of(
    identities: Mapping[UUID, Identity], aliases: Iterable[AliasCall], claims: Iterable[Claim]
) -> list[Component]:
    """Give the contacts that these identities form.

    Raises LooseEndError where a link that has an effect leads to an identity that is not among them.
    """
    roots = {identity: identity for identity in identities}
    joins, bids = _sort_links(identities, aliases, claims)
    for alias in joins:
        _join(roots, alias.previous_id, alias.user_id)
    for visitor, bidders in bids.items():
        _, user, _ = min(bidders, key=lambda bid: bid[0])
        if user not in identities:
            raise LooseEndError
        _join(roots, visitor, user)
    bid_aliases = [alias for bidders in bids.values() for _, _, alias in bidders if alias is not None]
    won = [alias for alias in bid_aliases if _is_within(roots, alias)]
    return _collect(identities, roots, [*joins, *won])


def _is_within(roots: dict[UUID, UUID], alias: AliasCall) -> bool:
    """Tell whether both ends of an alias are one contact."""
    return alias.user_id in roots and _find(roots, alias.previous_id) == _find(roots, alias.user_id)


_Bid = tuple[Stamp, UUID, AliasCall | None]


def _sort_links(
    identities: Mapping[UUID, Identity], aliases: Iterable[AliasCall], claims: Iterable[Claim]
) -> tuple[list[AliasCall], dict[UUID, list[_Bid]]]:
    """Tell the aliases that join two users from the bids for an anonymous visitor."""
    joins: list[AliasCall] = []
    bids: dict[UUID, list[_Bid]] = {}
    for alias in aliases:
        previous, user = alias.previous_id, alias.user_id
        if previous is None or user is None or previous == user or previous not in identities or alias.is_withdrawn:
            continue
        if _is_visitor(identities[previous]):
            bids.setdefault(previous, []).append((alias.stamp, user, alias))
        elif user in identities:
            joins.append(alias)
        else:
            raise LooseEndError
    for claim in claims:
        visitor = identities.get(claim.anonymous_id)
        if visitor is not None and _is_visitor(visitor):
            bids.setdefault(claim.anonymous_id, []).append((claim.stamp, claim.user_id, None))
    return joins, bids


def _collect(
    identities: Mapping[UUID, Identity], roots: dict[UUID, UUID], effective: list[AliasCall]
) -> list[Component]:
    members: dict[UUID, list[UUID]] = {}
    for identity in identities:
        members.setdefault(_find(roots, identity), []).append(identity)
    aliases: dict[UUID, list[AliasCall]] = {}
    for alias in effective:
        aliases.setdefault(_find(roots, alias.user_id), []).append(alias)
    return [
        Component(
            min(ids, key=lambda id_: (not identities[id_].is_user, id_)),
            tuple(sorted(ids)),
            naming_alias(aliases[root]) if root in aliases else None,
        )
        for root, ids in members.items()
    ]


def naming_alias(aliases: Iterable[AliasCall]) -> AliasCall:
    """Give the alias that names the contact which these, at least one, hold together.

    It is the latest; but where its user was renamed in turn, at whatever time, the alias that did so, and so on. Where
    users were renamed in a circle, it is the latest of those.
    """
    latest: dict[UUID | None, AliasCall] = {}
    for alias in sorted(aliases, key=lambda alias: alias.stamp):
        latest[alias.previous_id] = alias
    path = [max(latest.values(), key=lambda alias: alias.stamp)]
    while (following := latest.get(path[-1].user_id)) is not None:
        if following in path:
            return max(path[path.index(following) :], key=lambda alias: alias.stamp)
        path.append(following)
    return path[-1]


def _is_visitor(identity: Identity) -> bool:
    return identity.is_anonymous and not identity.is_user


def _find(roots: dict[UUID, UUID], id_: UUID | None) -> UUID:
    assert id_ is not None  # noqa: S101 (links without both ids were left out before)
    while roots[id_] != id_:
        roots[id_] = roots[roots[id_]]
        id_ = roots[id_]
    return id_


def _join(roots: dict[UUID, UUID], one: UUID | None, other: UUID | None) -> None:
    roots[_find(roots, one)] = _find(roots, other)
