"""The demo's three connections, one for each method of account mapping."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class DemoConnection:
    """A connection to be made before the demo is sent, in the words of `variance connections add`."""

    name: str
    accounts: Literal["group", "traits", "email"]
    account_id_trait: str | None = None
    account_name_trait: str | None = None


APP = DemoConnection("app", "group")
"""The product in its users' browsers and phones, and the Engage space that reads along."""

BACKEND = DemoConnection(
    "backend", "traits", account_id_trait="company.id", account_name_trait="company.name"
)
"""The servers of customers who use the product through its API."""

WEBSITE = DemoConnection("website", "email")
"""The marketing site: many strangers, some of whom leave an e-mail address."""

CONNECTIONS = (APP, BACKEND, WEBSITE)
