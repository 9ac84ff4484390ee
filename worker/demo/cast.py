"""The people of the demo's week: all invented, with addresses that nobody can have."""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from itertools import product

from worker.demo.companies import MAIL_HOSTS, Company
from worker.demo.week import Week

_FIRST_NAMES = (  # noqa: SIM905 (a list of a hundred strings reads worse)
    "Adaeze Aiko Alasdair Amira Anneke Bashir Beatriz Callum Chiara Dagny Devika Eamon Ebru Esteban "
    "Farida Fergus Giulia Hamza Hanneke Ifeoma Imogen Jarek Jesper Kavita Kwame Leila Łukasz Maëlle Malik "
    "Marisol Mehdi Nadine Nikhil Núria Oluwaseun Orla Petra Priya Rasmus Renata Ruairí Saskia Søren "
    "Tamsin Tomasz Valentina Wei Yusuf Zoë"
).split()
_LAST_NAMES = (  # noqa: SIM905 (a list of a hundred strings reads worse)
    "Abara Achterberg Almeida Bianchi Bowering Castellanos Chaudhry Dąbrowski Demir Eriksen Fairweather "
    "Fonseca Grønning Haddad Hargreaves Ibekwe Iyer Jankowska Kaplan Kinsella Lindqvist Mbeki Moreau "
    "Nakagawa Novák Okonkwo Oyelaran Pemberton Quintero Rahimi Rossi Salvesen Strand Tanaka Thibault Uzun "
    "Vanderlinde Villanueva Whitlock Xu Yamamoto Zielińska"
).split()
_TITLES = (
    "Head of Operations", "Data Analyst", "Finance Manager", "Product Manager", "Customer Success Lead",
    "IT Administrator", "Operations Analyst", "VP Revenue", "Planning Manager", "Software Engineer",
)  # fmt: skip
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
_USER_AGENTS = (
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT}",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT}",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Edg/141.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
)
_PLACES = (
    ("en-GB", "Europe/London"), ("en-US", "America/New_York"), ("de-DE", "Europe/Berlin"),
    ("fr-FR", "Europe/Paris"), ("es-ES", "Europe/Madrid"), ("pt-PT", "Europe/Lisbon"),
    ("pl-PL", "Europe/Warsaw"), ("nl-NL", "Europe/Amsterdam"),
)  # fmt: skip
_DOCUMENTATION_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
_WRONG_CLOCKS = (timedelta(hours=3), timedelta(minutes=-41), timedelta(days=365), timedelta(hours=-26))
_SHARE_OF_WRONG_CLOCKS = 0.05
_PLAIN_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O"})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a browser. `clock_skew` is what that computer's clock shows beyond the right time."""

    first_name: str
    last_name: str
    title: str
    email: str
    company: Company | None
    user_id: str
    anonymous_id: str
    ip: str
    user_agent: str
    locale: str
    timezone: str
    clock_skew: timedelta


class Casting:
    """Draws people, no two of one name."""

    def __init__(self, week: Week) -> None:
        self._week = week
        self._names = list(product(_FIRST_NAMES, _LAST_NAMES))
        week.random.shuffle(self._names)

    def person(self, company: Company | None, user_id: str) -> Person:
        """Draw somebody who works at this company, or, without one, writes from a mail provider's address."""
        dice = self._week.random
        first_name, last_name = self._names.pop()
        locale, timezone = dice.choice(_PLACES)
        return Person(
            first_name=first_name,
            last_name=last_name,
            title=dice.choice(_TITLES),
            email=_address(first_name, last_name, company),
            company=company,
            user_id=user_id,
            anonymous_id=self._week.uuid(),
            ip=f"{dice.choice(_DOCUMENTATION_NETWORKS)}.{dice.randrange(1, 255)}",
            user_agent=dice.choice(_USER_AGENTS),
            locale=locale,
            timezone=timezone,
            clock_skew=dice.choice(_WRONG_CLOCKS)
            if self._week.chance(_SHARE_OF_WRONG_CLOCKS)
            else timedelta(),
        )

    def staff(self, company: Company, least: int, most: int, id_prefix: str) -> list[Person]:
        """Draw so many people of a company, with userIds that begin like this."""
        dice = self._week.random
        return [
            self.person(company, f"{id_prefix}{dice.randrange(10_000_000, 99_999_999)}")
            for _ in range(dice.randint(least, most))
        ]


def _address(first_name: str, last_name: str, company: Company | None) -> str:
    if company is None:  # gmail.com gives out no address with an underscore, so this one is nobody's
        return f"{_plain(first_name)}_{_plain(last_name)}@gmail.com"
    return f"{_plain(first_name)}.{_plain(last_name)}@{MAIL_HOSTS.get(company.slug, company.domain)}"


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.translate(_PLAIN_LETTERS))
    return decomposed.encode("ascii", "ignore").decode().lower()
