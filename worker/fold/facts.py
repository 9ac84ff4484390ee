"""What one message says: whom it names, what it tells of them, and what it tells of an account."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import orjson

from schemas.ids import index_key, is_no_id
from worker.fold.account_rules import AccountEvidence, AccountRules, evidence_of_traits, key_text
from worker.fold.ids import account_id, identity_id
from worker.fold.stamp import Stamp

_AUDIENCE_CLASSES = frozenset({"audience", "journey_step"})
_NAMES_ACCOUNT_IN_CONTEXT = frozenset({"track", "page", "screen", "trimmed"})  # the last is what is left of an event
_MEMBERSHIP_WORDS = {"true": True, "false": False}


class LoggedMessage(msgspec.Struct, frozen=True):
    """A message as the log holds it: `text` is its JSON. `counted_at` is the stamp's time as an instant.

    It has no decoded body, which takes several times as much memory, and is not needed once it was read into facts.
    """

    workspace_id: int
    stamp: Stamp
    counted_at: datetime
    occurred_at: datetime
    received_at: datetime
    type: str
    text: str

    @property
    def key(self) -> tuple[str, str]:
        """The message's key within its workspace: connection and messageId."""
        return self.stamp.connection_id, self.stamp.message_key


class Named(msgspec.Struct, frozen=True):
    """An id that a message names, and in which role."""

    id: UUID
    value: str
    is_user: bool


class AliasCall(msgspec.Struct, frozen=True):
    """An alias as it was sent; an id is None where the value identifies nobody."""

    stamp: Stamp
    previous_value: str
    user_value: str
    previous_id: UUID | None
    user_id: UUID | None
    is_withdrawn: bool = False


class Facts(msgspec.Struct, frozen=True):
    """What one message says. `sender` is the identity that the message belongs to.

    `account_id` is the account that an event names itself, or the best that an Identify or Group call is evidence of.
    `is_active`: the sender was there, so that the message moves on when they were last seen. Source: Segment's spec,
    "Common Fields", `context.active`.
    """

    message: LoggedMessage
    user: Named | None
    anonymous: Named | None
    alias: AliasCall | None
    traits: Mapping[str, Any]
    evidence: tuple[AccountEvidence, ...]
    account: AccountEvidence | None
    account_traits: Mapping[str, Any]
    account_id: UUID | None
    audience: str | None
    is_member: bool
    is_active: bool
    is_withdrawn: bool

    @property
    def sender(self) -> Named | None:
        """The user, else the anonymous visitor, else nobody."""
        return self.user or self.anonymous

    @property
    def is_deletion(self) -> bool:
        """Whether the message deletes its sender."""
        return self.message.type == "delete"

    @property
    def is_claim(self) -> bool:
        """Whether the message claims its anonymous visitor for its user."""
        if self.user is None or self.anonymous is None or self.is_withdrawn:
            return False
        return self.user.id != self.anonymous.id


def facts_of(
    message: LoggedMessage, body: Mapping[str, Any], rules: AccountRules, *, is_withdrawn: bool = False
) -> Facts:
    """Read what a message says, under its connection's account rules; all but its link where that was withdrawn.

    `body` is the decoded message.
    """
    traits = _traits(message.type, body) if message.type == "identify" else {}
    account = _account(message.type, body, rules)
    audience, is_member = _audience(message.type, body, account)
    evidence: tuple[AccountEvidence, ...] = ()
    if message.type == "identify":
        evidence = tuple(evidence_of_traits(traits, rules))
    elif message.type == "group" and account is not None:
        evidence = (account,)
    best = account or next(iter(evidence), None)
    return Facts(
        message=message,
        user=_named(message.workspace_id, body.get("userId"), is_user=True),
        anonymous=_named(message.workspace_id, body.get("anonymousId"), is_user=False),
        alias=_alias(message, body, is_withdrawn=is_withdrawn) if message.type == "alias" else None,
        traits=traits,
        evidence=evidence,
        account=account,
        account_traits=_account_traits(body) if message.type == "group" and account is not None else {},
        account_id=account_id(message.workspace_id, best.source, best.key) if best else None,
        audience=audience,
        is_member=is_member,
        is_active=_object(body.get("context")).get("active") is not False,
        is_withdrawn=is_withdrawn,
    )


def facts_of_logged(message: LoggedMessage, rules: AccountRules, *, is_withdrawn: bool = False) -> Facts:
    """Read what a message says that was in the log."""
    return facts_of(message, orjson.loads(message.text), rules, is_withdrawn=is_withdrawn)


def account_ids(facts: Facts) -> Iterator[tuple[UUID, AccountEvidence]]:
    """Give every account that the message is evidence of, with its id."""
    for evidence in facts.evidence:
        yield account_id(facts.message.workspace_id, evidence.source, evidence.key), evidence
    if facts.account is not None and facts.account not in facts.evidence:
        yield account_id(facts.message.workspace_id, facts.account.source, facts.account.key), facts.account


def _named(workspace_id: int, value: str | None, *, is_user: bool) -> Named | None:
    if value is None or is_no_id(value):
        return None
    return Named(identity_id(workspace_id, value), value, is_user)


def _traits(type_: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an Identify or Group call's traits. Some SDKs put those of an Identify call into the context only.

    What a Group call has there tells of the user, and is not read.
    """
    traits = body.get("traits")
    if not traits and type_ == "identify":
        traits = _object(body.get("context")).get("traits")
    return _object(traits)


def _account_traits(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a Group call's traits, with `name` also where it was sent in capitals.

    Source: Segment's spec, "Group", traits: the reserved ones are known in any case.
    """
    traits = _traits("group", body)
    if "name" in traits:
        return traits
    written = min((name for name in traits if name.lower() == "name"), default=None)
    return traits if written is None else {**traits, "name": traits[written]}


def _alias(message: LoggedMessage, body: Mapping[str, Any], *, is_withdrawn: bool) -> AliasCall:
    previous, user = body["previousId"], body["userId"]
    return AliasCall(
        message.stamp,
        previous,
        user,
        None if is_no_id(previous) else identity_id(message.workspace_id, previous),
        None if is_no_id(user) else identity_id(message.workspace_id, user),
        is_withdrawn,
    )


def _account(type_: str, body: Mapping[str, Any], rules: AccountRules) -> AccountEvidence | None:
    """Give the account that the message names by itself: a Group call's, or `context.groupId`'s of an event."""
    if rules.method != "group":
        return None
    if type_ == "group":
        key = key_text(body["groupId"])
    elif type_ in _NAMES_ACCOUNT_IN_CONTEXT:
        key = key_text(_object(body.get("context")).get("groupId"))
    else:
        return None
    return None if key is None or is_no_id(key) else AccountEvidence("group", key, None, is_own=True)


def _audience(type_: str, body: Mapping[str, Any], account: AccountEvidence | None) -> tuple[str | None, bool]:
    """Give the audience that an Engage call speaks of and whether its subject is in it, or None."""
    if type_ != "identify" and (type_ != "group" or account is None):
        return None, False
    personas = _object(_object(body.get("context")).get("personas"))
    key = personas.get("computation_key")
    if personas.get("computation_class") not in _AUDIENCE_CLASSES or not isinstance(key, str) or not key:
        return None, False
    value = _traits(type_, body).get(key)
    if isinstance(value, str):
        value = _MEMBERSHIP_WORDS.get(value.lower())
    return (index_key(key), value) if isinstance(value, bool) else (None, False)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
