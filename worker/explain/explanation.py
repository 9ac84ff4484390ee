"""The explanation of a contact, ready to be printed: connections by their names, ids as they were sent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from worker.explain.account import judge_evidence
from worker.explain.evidence import Evidence
from worker.explain.links import IdleLink, Link, idle_links, links_behind, links_in_effect, links_of
from worker.explain.traits import Setting, settings_of
from worker.fold.ids import account_id, identity_id
from worker.fold.links import components_of
from worker.fold.stamp import Stamp


@dataclass(frozen=True, slots=True)
class Said:
    """A message. Its time is the one that counts, which a clock in the future cannot push beyond its arrival."""

    message_id: str
    connection: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class ToldLink:
    """A link: an alias, or a claim of an anonymous visitor for a user."""

    kind: str
    previous_id: str
    user_id: str
    message: Said


@dataclass(frozen=True, slots=True)
class ToldIdleLink:
    """A link that does not hold the contact together: its outcome, and why."""

    outcome: str
    reason: str
    kind: str
    previous_id: str
    user_id: str
    message: Said
    withdrawn_at: datetime | None
    other_contact_id: UUID | None
    other_external_id: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """An identity of the contact. `link` is None for the one that the others hang on.

    `quarantined_links`: with how many others messages link it, where those are too many for any of them to count.
    """

    id: UUID
    value: str
    kind: str
    first_seen_at: datetime | None
    link: ToldLink | None
    quarantined_links: int | None


@dataclass(frozen=True, slots=True)
class AccountEvidence:
    """What one identity said last of an account, and why it won or lost."""

    id: UUID
    source: str
    key: str
    name: str | None
    is_winner: bool
    reason: str
    identity: str
    message: Said


@dataclass(frozen=True, slots=True)
class TraitSetting:
    """What one identity said last of a trait; `value` is None where it removed it."""

    value: Any
    is_removed: bool
    identity: str
    message: Said


@dataclass(frozen=True, slots=True)
class Trait:
    """A trait: what counts, and what other identities of the contact said before."""

    name: str
    value: Any
    is_removed: bool
    identity: str
    message: Said
    overridden: Sequence[TraitSetting]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a contact is what it is. `naming_alias` gave it its external id, where an alias did."""

    id: UUID
    workspace: str
    external_id: str | None
    naming_alias: ToldLink | None
    email: str | None
    account: AccountEvidence | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    members: Sequence[Member]
    idle_links: Sequence[ToldIdleLink]
    account_evidence: Sequence[AccountEvidence]
    traits: Sequence[Trait]


def explain_contact(evidence: Evidence) -> Explanation:
    """Explain a contact by what is stored of it."""
    return _Assembly(evidence).explanation()


@dataclass(frozen=True, slots=True)
class _Assembly:
    evidence: Evidence

    def explanation(self) -> Explanation:
        contact = self.evidence.contact
        anchor = contact.id if contact.external_id is None else self._identity_id(contact.external_id)
        links = links_of(self.evidence)
        behind = links_behind(anchor, links_in_effect(self.evidence, links))
        accounts = list(self._accounts())
        return Explanation(
            contact.id,
            self.evidence.workspace,
            contact.external_id,
            self._naming_alias(),
            contact.email,
            accounts[0] if accounts else None,
            contact.first_seen_at,
            contact.last_seen_at,
            [self._member(id_, behind.get(id_)) for id_ in self._in_order(anchor)],
            [self._idle_link(idle) for idle in idle_links(self.evidence, links, behind.values())],
            accounts,
            list(self._traits()),
        )

    def _in_order(self, anchor: UUID) -> Iterable[UUID]:
        """Give the anchor, then users, then visitors, by their values."""
        members = self.evidence.members
        return sorted(members, key=lambda id_: (id_ != anchor, not members[id_].is_user, members[id_].value))

    def _naming_alias(self) -> ToldLink | None:
        evidence = self.evidence
        aliases = [
            alias for alias in evidence.aliases
            if not evidence.is_quarantined(alias.previous_id) and not evidence.is_quarantined(alias.user_id)
        ]  # fmt: skip
        components = components_of(evidence.members, aliases, [
            claim for claim in evidence.claims
            if not evidence.is_quarantined(claim.anonymous_id) and not evidence.is_quarantined(claim.user_id)
        ])  # fmt: skip
        alias = next((component.naming_alias for component in components if component.naming_alias), None)
        if alias is None:
            return None
        return ToldLink("alias", alias.previous_value, alias.user_value, self._said(alias.stamp))

    def _member(self, id_: UUID, link: Link | None) -> Member:
        identity = self.evidence.members[id_]
        return Member(
            id_,
            identity.value,
            "anonymous" if identity.is_anonymous and not identity.is_user else "user",
            identity.first_seen.occurred_at if identity.first_seen else None,
            ToldLink(link.kind, link.previous_value, link.user_value, self._said(link.stamp)) if link else None,
            self.evidence.quarantined_links.get(id_),
        )

    def _idle_link(self, idle: IdleLink) -> ToldIdleLink:
        link = idle.link
        return ToldIdleLink(
            idle.outcome,
            idle.reason,
            link.kind,
            link.previous_value,
            link.user_value,
            self._said(link.stamp),
            link.withdrawn_at,
            idle.other_contact.id if idle.other_contact else None,
            idle.other_contact.external_id if idle.other_contact else None,
        )

    def _identity_id(self, value: str) -> UUID:
        return identity_id(self.evidence.workspace_id, value)

    def _accounts(self) -> Iterable[AccountEvidence]:
        for judged in judge_evidence(self.evidence.members.values()):
            id_ = account_id(self.evidence.workspace_id, judged.source, judged.key)
            yield AccountEvidence(
                id_,
                judged.source,
                judged.key,
                self.evidence.account_names.get(id_),
                judged.is_winner,
                judged.reason,
                judged.identity,
                self._said(judged.stamp),
            )

    def _traits(self) -> Iterable[Trait]:
        for name, (last, *before) in settings_of(self.evidence.members.values()).items():
            yield Trait(
                name,
                last.value,
                last.value is None,
                last.identity,
                self._said(last.stamp),
                [self._setting(setting) for setting in before],
            )

    def _setting(self, setting: Setting) -> TraitSetting:
        return TraitSetting(setting.value, setting.value is None, setting.identity, self._said(setting.stamp))

    def _said(self, stamp: Stamp) -> Said:
        names = self.evidence.connection_names
        return Said(stamp.message_key, names.get(stamp.connection_id, stamp.connection_id), stamp.occurred_at)
