"""Account matching: which account a message gives evidence of, by its connection's method.

Source: the destination's documentation, "Account Mapping".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from schemas.ids import is_no_id
from worker.fold.domains import readable_domain, registrable_domain
from worker.fold.mail_providers import is_mail_provider

Source = Literal["group", "traits", "email"]

SOURCES: tuple[Source, ...] = ("group", "traits", "email")
"""Best rule first: where a contact has evidence of several sources, the first of these decides."""


@dataclass(frozen=True, slots=True)
class AccountRules:
    """A connection's account matching: its method, the traits' paths, and which e-mail domains make accounts.

    `excluded_domains` make none: one's own, or a mail provider that the lists do not have. `included_domains` make
    one though the lists have them. All are in their readable form.
    """

    method: Source
    id_trait: str = "company.id"
    name_trait: str = "company.name"
    email_fallback: bool = True
    mail_provider_accounts: bool = False
    excluded_domains: frozenset[str] = frozenset()
    included_domains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AccountEvidence:
    """That somebody belongs to the account `key` of `source`; `is_own` where the connection's own method says so."""

    source: Source
    key: str
    name: str | None
    is_own: bool


def evidence_of_traits(traits: Mapping[str, Any], rules: AccountRules) -> Iterator[AccountEvidence]:
    """Give what an Identify call's traits say of the sender's account: by the two trait paths, and by e-mail."""
    if rules.method == "traits":
        name = _told_text(trait_at(traits, rules.name_trait))
        key = _told_text(trait_at(traits, rules.id_trait)) or name
        if key:
            yield AccountEvidence("traits", key, name, is_own=True)
    if rules.method == "email" or rules.email_fallback:
        domain = company_domain(traits.get("email"), rules)
        if domain:
            yield AccountEvidence("email", domain, domain, is_own=rules.method == "email")


def trait_at(traits: Mapping[str, Any], path: str) -> Any:
    """Give the trait at a dotted path; a key that is literally the whole path wins."""
    if path in traits:
        return traits[path]
    value: Any = traits
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def key_text(value: Any) -> str | None:
    """Give an account's id or name as text: strings that are not blank, and numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return str(value)
    return (value.strip() or None) if isinstance(value, str) else None


def _told_text(value: Any) -> str | None:
    """Give an account's id or name where it tells one: a constant that a program sends in place of one does not."""
    text = key_text(value)
    return None if is_no_id(text) else text


def company_domain(email: Any, rules: AccountRules) -> str | None:
    """Give the registrable domain of an e-mail address, in its readable form, or None where it names no company."""
    if not isinstance(email, str):
        return None
    mailbox, at, host = email.strip().rpartition("@")
    if not at or not mailbox or "@" in mailbox or any(character.isspace() for character in host):
        return None
    host = readable_domain(host)
    domain = registrable_domain(host)
    if domain is None or {host, domain} & rules.excluded_domains:
        return None
    if rules.mail_provider_accounts or {host, domain} & rules.included_domains:
        return domain
    return None if is_mail_provider(host, domain) else domain
