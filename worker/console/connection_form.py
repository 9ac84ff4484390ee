"""The form of a connection: from the texts that were typed to a name, a workspace and account rules, or to faults."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from worker.fold.account_rules import SOURCES, AccountRules
from worker.names import DEFAULT_WORKSPACE, check_name, read_domain

_SEPARATORS = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class ConnectionForm:
    """What was typed, as it stands in the form."""

    name: str = ""
    workspace: str = DEFAULT_WORKSPACE
    accounts: str = "group"
    account_id_trait: str = "company.id"
    account_name_trait: str = "company.name"
    email_fallback: bool = True
    mail_provider_accounts: bool = False
    excluded_domains: str = ""
    included_domains: str = ""

    @classmethod
    def of_rules(cls, rules: AccountRules) -> "ConnectionForm":
        """Give the form in which rules are changed."""
        return cls(
            accounts=rules.method,
            account_id_trait=rules.id_trait,
            account_name_trait=rules.name_trait,
            email_fallback=rules.email_fallback,
            mail_provider_accounts=rules.mail_provider_accounts,
            excluded_domains=", ".join(sorted(rules.excluded_domains)),
            included_domains=", ".join(sorted(rules.included_domains)),
        )

    @classmethod
    def of_texts(cls, texts: Mapping[str, str]) -> "ConnectionForm":
        """Read what a browser sends: a box that is not ticked is not sent at all."""
        return cls(
            name=texts.get("name", "").strip(),
            workspace=texts.get("workspace", "").strip() or DEFAULT_WORKSPACE,
            accounts=texts.get("accounts", ""),
            account_id_trait=texts.get("account_id_trait", "").strip(),
            account_name_trait=texts.get("account_name_trait", "").strip(),
            email_fallback="email_fallback" in texts,
            mail_provider_accounts="mail_provider_accounts" in texts,
            excluded_domains=texts.get("excluded_domains", ""),
            included_domains=texts.get("included_domains", ""),
        )


@dataclass(slots=True)
class ReadForm:
    """What a form says. `faults` are by field; without any, `rules` are good."""

    rules: AccountRules
    faults: dict[str, str] = field(default_factory=dict)


def read_form_rules(form: ConnectionForm, *, with_name: bool) -> ReadForm:
    """Read a form's rules; the name and the workspace are looked at where they are asked for."""
    faults: dict[str, str] = {}

    def checked(name: str, read: Callable[[str], str], text: str) -> str:
        try:
            return read(text)
        except ValueError as fault:
            faults[name] = _sentence(str(fault))
            return text

    if with_name:
        checked("name", check_name, form.name)
        checked("workspace", check_name, form.workspace)
    if form.accounts not in SOURCES:
        faults["accounts"] = "Choose one of the three."
    paths = AccountRules("traits")
    return ReadForm(
        AccountRules(
            form.accounts if form.accounts in SOURCES else "group",
            checked("account_id_trait", check_name, form.account_id_trait or paths.id_trait),
            checked("account_name_trait", check_name, form.account_name_trait or paths.name_trait),
            email_fallback=form.email_fallback,
            mail_provider_accounts=form.mail_provider_accounts,
            excluded_domains=_domains(form.excluded_domains, lambda t: checked("excluded_domains", read_domain, t)),
            included_domains=_domains(form.included_domains, lambda t: checked("included_domains", read_domain, t)),
        ),
        faults,
    )


def _domains(text: str, read: Callable[[str], str]) -> frozenset[str]:
    return frozenset(read(word) for word in _SEPARATORS.split(text.strip()) if word)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
