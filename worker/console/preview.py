"""What would come of a sample message under a connection's account rules: shown while the rules are being chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from schemas.acceptance import Accepted, accept, name_fields
from schemas.tolerant_json import UnreadableJsonError, read_json
from worker.fold.account_rules import AccountRules, company_domain, key_text, trait_at
from worker.fold.domains import readable_domain
from worker.fold.facts import Facts, LoggedMessage, facts_of
from worker.fold.mail_providers import is_mail_provider
from worker.fold.stamp import Stamp

SAMPLE = """{
  "type": "identify",
  "userId": "userId123",
  "traits": {
    "email": "john.doe@example.com",
    "company": { "id": 1, "name": "Awesome Inc." }
  }
}"""

_ANYBODY = "sample"


@dataclass(frozen=True, slots=True)
class Preview:
    """What would come of a sample: a contact in an account, a contact in none, or a fault."""

    fault: str | None = None
    contact: str | None = None
    account_key: str | None = None
    account_name: str | None = None
    source: str | None = None
    reasons: tuple[str, ...] = ()


def preview(text: str, rules: AccountRules) -> Preview | None:
    """Judge a sample as the endpoint and the fold would; None where there is none.

    An Identify call may be given by its traits alone, or without a type or an id.
    """
    if not text.strip():
        return None
    try:
        raw = read_json(text.encode(errors="replace"))
    except UnreadableJsonError as error:
        return Preview(fault=f"This is {error}.")
    message = _completed(raw)
    judged = accept(message, datetime.now(UTC), from_segment=True)
    if not isinstance(judged, Accepted):
        return Preview(fault=f"It would be refused: {judged.detail}")
    body: Mapping[str, Any] = orjson.loads(judged.body)
    facts = facts_of(_logged(judged, body["type"]), body, rules)
    if facts.message.type not in ("identify", "group"):
        return Preview(fault="Only Identify and Group calls say which account somebody is in: paste one of these.")
    best = facts.evidence[0] if facts.evidence else None
    contact = facts.sender.value if facts.sender and facts.sender.value != _ANYBODY else "The contact"
    if best is None:
        return Preview(contact=contact, reasons=tuple(_reasons(facts, rules)))
    return Preview(
        contact=contact,
        account_key=best.key,
        account_name=_account_name(facts, best.name) or best.key,
        source=best.source,
        reasons=("by the fallback: the domain of the e-mail address",) if best.source != rules.method else (),
    )


def _completed(raw: Any) -> Any:
    """Add what a sample may leave out."""
    if not isinstance(raw, dict):
        return raw
    name_fields(raw)
    is_message = {"type", "userId", "anonymousId", "traits", "groupId", "context", "event"} & raw.keys()
    message = raw if is_message else {"traits": raw}
    message.setdefault("type", "group" if "groupId" in message else "identify")
    if not (message.get("userId") or message.get("anonymousId")):
        message["anonymousId"] = _ANYBODY
    return message


def _logged(judged: Accepted, type_: str) -> LoggedMessage:
    now = datetime.now(UTC)
    return LoggedMessage(0, Stamp.of(now, judged.message_key, ""), now, now, now, type_, judged.body.decode())


def _account_name(facts: Facts, name: str | None) -> str | None:
    return name or key_text(facts.account_traits.get("name"))


def _reasons(facts: Facts, rules: AccountRules) -> list[str]:
    """Say why a message is evidence of no account."""
    if facts.message.type == "group":
        if rules.method != "group":
            return ["Group calls make accounts only under the method Group"]
        return ["its groupId identifies nothing"]
    reasons = []
    if rules.method == "group":
        reasons.append("under the method Group an account comes from Group calls, and this is an Identify call")
    if rules.method == "traits":
        given = [path for path in (rules.id_trait, rules.name_trait) if trait_at(facts.traits, path) is not None]
        reasons.append(
            f"the trait {' and the trait '.join(given)} identifies no account" if given
            else f"it has neither the trait {rules.id_trait} nor the trait {rules.name_trait}"
        )  # fmt: skip
    return [*reasons, no_domain_reason(facts.traits.get("email"), rules)]


def no_domain_reason(email: Any, rules: AccountRules) -> str:
    """Say why an e-mail address makes no account."""
    if rules.method != "email" and not rules.email_fallback:
        return "the fallback to the e-mail's domain is switched off"
    if not isinstance(email, str) or not email.strip():
        return "no e-mail address is known"
    host = readable_domain(email.strip().rpartition("@")[2])
    if is_mail_provider(host, host) and company_domain(email, rules) is None:
        return f"{host} is a mail provider, where everybody can have an address"
    if host in rules.excluded_domains:
        return f"{host} is excluded"
    return "its e-mail address has no domain that names a company"
