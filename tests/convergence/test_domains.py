"""A domain has one form, in whichever it was sent: the one that people read."""

import unicodedata
from pathlib import Path

import idna
import publicsuffixlist
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from worker.fold.account_rules import AccountRules, company_domain
from worker.fold.domains import readable_domain, registrable_domain
from worker.fold.mail_providers import MAIL_PROVIDERS
from worker.names import read_domain

_RULES = AccountRules("email")
_ASCII_LABELS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
_LETTERS = st.characters(categories=["Ll", "Lo", "Nd", "Mn", "Mc"]) | st.sampled_from("abcßςéüअनक\u094d\u200d·l-")


@st.composite
def international_labels(draw: st.DrawFn) -> str:
    """Draw a label that IDNA allows and that is not ASCII."""
    label = unicodedata.normalize("NFC", draw(st.text(_LETTERS, min_size=1, max_size=8)))
    assume(not label.isascii())
    try:
        idna.alabel(label)
    except UnicodeError:
        assume(False)  # noqa: FBT003 (Hypothesis' own way to say so)
    return label


@given(st.lists(international_labels() | _ASCII_LABELS, min_size=1, max_size=3), st.sampled_from(".\u3002\uff0e\uff61"))
@example(["हिन्दी"], ".")
@example(["col·lecció"], ".")
@example(["نامه\u200cای"], ".")  # noqa: RUF001 (an Arabic letter on purpose)
@example(["straße"], "。")
@example(["βόλος"], ".")
def test_every_form_of_a_domain_gives_the_same_account(labels: list[str], dot: str) -> None:
    domain, account = f"{'.'.join(labels)}.example", f"{labels[-1]}.example"
    sent_in_ascii = ".".join(idna.alabel(label).decode() if not label.isascii() else label for label in labels)
    forms = [domain, dot.join([*labels, "example"]), unicodedata.normalize("NFD", domain)]
    forms += [f"{sent_in_ascii}.example", f"{sent_in_ascii}.EXAMPLE.".upper()]
    assert {company_domain(f"jane@{form}", _RULES) for form in forms} == {account}
    assert {readable_domain(form) for form in forms} == {domain}
    assert {read_domain(form) for form in forms} == {domain}


@pytest.mark.parametrize("domain", ["example.ΒΌΛΟΣ", "İstanbul.de", "\uff22ÜCHER.example", "bu\u0308c\u00adher.de"])
def test_other_letters_become_those_that_idna_says(domain: str) -> None:
    assert readable_domain(domain) == readable_domain(idna.encode(domain, uts46=True).decode())


@given(st.lists(_ASCII_LABELS | st.text(st.characters(codec="ascii"), max_size=8), max_size=4).map(".".join))
def test_an_ascii_domain_keeps_its_form(domain: str) -> None:
    assume("xn--" not in domain.lower())
    assert readable_domain(domain) == domain.lower().rstrip(".")


@given(st.lists(st.text(max_size=12) | st.from_regex(r"xn--[a-z0-9-]{0,12}", fullmatch=True)).map(".".join))
@example("xn--")
@example("\u2488x.xn--bcher-kva.de")
@example("\x80.XN--0BE")
@example("xn--9a9a.de")
@example("\ud800.de")
@example("xn--ls8h.la")
@example(f"xn--{'9a' * 500}.de")
@example("é" * 2000)
def test_whatever_a_domain_is_it_has_a_form_and_that_has_no_other(domain: str) -> None:
    account = company_domain(f"jane@{domain}", _RULES)
    assert account is None or readable_domain(account) == account
    assert readable_domain(readable_domain(domain)) == readable_domain(domain)


@given(st.lists(st.text("abcü漢字", min_size=1, max_size=70), min_size=1, max_size=6))
@example(["a" * 63])
@example(["a" * 64, "acme"])
@example(["ü" + "a" * 56])
@example(["ü" + "a" * 57])
@example([*["a" * 61] * 3, "a" * 59])
@example([*["a" * 61] * 3, "a" * 60])
@example(["ü"] * 30)
def test_what_is_too_long_for_dns_makes_no_account(labels: list[str]) -> None:
    domain = ".".join([*labels, "example"])
    try:
        idna.encode(domain)
    except UnicodeError:
        assert company_domain(f"jane@{domain}", _RULES) is None
    else:
        assert company_domain(f"jane@{domain}", _RULES) == f"{labels[-1]}.example"


@pytest.mark.parametrize("domain", ["xn--9a9a.de", "xn--ls8h.la", "a\u2488b.de", "foo_ü.de", f"xn--{'a' * 70}.de"])
def test_what_is_not_valid_stays_as_it_is(domain: str) -> None:
    assert readable_domain(domain.upper()) == domain


@pytest.mark.parametrize(
    "host",
    [
        "gmail.com", "tutanota.com", "tuta.com", "tuta.io", "hey.com", "mailbox.org", "riseup.net", "disroot.org",
        "startmail.com", "sfr.fr", "sympatico.ca", "daum.net", "inbox.lv", "passport.com", "mozmail.com",
        "simplelogin.com", "guerrillamail.com", "10minutemail.com", "trashmail.com", "mine.mozmail.com",
        "privaterelay.appleid.com", "users.noreply.github.com",
    ],
)  # fmt: skip
def test_where_everybody_can_have_an_address_makes_an_account_only_where_it_is_included(host: str) -> None:
    address = f"jane@{host}"
    assert company_domain(address, _RULES) is None
    included = AccountRules("email", included_domains=frozenset({host}))
    assert company_domain(address, included) == registrable_domain(host)


@pytest.mark.parametrize("host", ["github.com", "mail.github.com", "appleid.com", "firefox.com"])
def test_a_company_that_has_a_relay_has_people_of_its_own(host: str) -> None:
    assert company_domain(f"jane@{host}", _RULES) == registrable_domain(host)


def test_the_lists_name_domains_in_the_form_in_which_they_are_looked_up() -> None:
    lines = Path(publicsuffixlist.PSLFILE).read_text(encoding="utf-8").splitlines()
    suffixes = [line.split()[0].lstrip("!*.").lower() for line in lines if line and not line.startswith("//")]
    assert len(suffixes) > 5000
    assert [name for name in [*suffixes, *MAIL_PROVIDERS] if readable_domain(name) != name] == []
