"""E-mail domains: one form for each, however it was written, and the part of it that somebody registered."""

import re
from functools import cache, lru_cache

import idna
from publicsuffixlist import PublicSuffixList

_LABEL = re.compile(r"\w(?:[\w-]*\w)?")
# In the form with `xn--`, which is what DNS has.
_LONGEST_LABEL = 63
_LONGEST_DOMAIN = 253


def readable_domain(text: str) -> str:
    """Give a domain in the form that people read: Unicode (NFC), lower case, no dot at its end.

    So `XN--BCHER-KVA.de.` and `Bücher。de` are `bücher.de`. What is not valid by IDNA stays as it is, in lower case.
    """
    if text.isascii():
        text = text.lower()
        if "xn--" not in text:
            return text.rstrip(".")
    # A sender may make it as long as a message: what is hardly a domain is not kept.
    return _kept_readable(text) if len(text) <= _LONGEST_DOMAIN else _readable(text)


def is_domain(domain: str) -> bool:
    """Tell whether a domain, in its readable form, could be one: letters and digits, hyphens inside, not too long."""
    labels = domain.split(".")
    # First what is quickly told: the readable form is never the longer one.
    if len(domain) > _LONGEST_DOMAIN or any(len(label) > _LONGEST_LABEL for label in labels):
        return False
    if not all(_LABEL.fullmatch(label) or _is_valid(label) for label in labels):
        return False
    lengths = [_sent_length(label) for label in labels]
    return max(lengths) <= _LONGEST_LABEL and sum(lengths) + len(labels) - 1 <= _LONGEST_DOMAIN


def registrable_domain(domain: str) -> str | None:
    """Give the part of a domain in its readable form that somebody registered; None where it has none."""
    return _registrable(domain) if len(domain) <= _LONGEST_DOMAIN else None


@lru_cache(maxsize=10_000)
def _registrable(domain: str) -> str | None:
    if not is_domain(domain) or domain.rpartition(".")[2].isdigit():
        return None
    registrable: str | None = _public_suffixes().privatesuffix(domain)
    # Once more: a label that is gone may have been what kept the whole from having a readable form.
    return None if registrable is None else readable_domain(registrable)


def _readable(text: str) -> str:
    try:
        # Before anything else changes case: Python makes some capitals into other letters than IDNA does.
        mapped = idna.uts46_remap(text, std3_rules=False)
    except UnicodeError:
        return text.lower().rstrip(".")
    return ".".join(map(_readable_label, mapped.split("."))).rstrip(".")


_kept_readable = lru_cache(maxsize=10_000)(_readable)


def _readable_label(label: str) -> str:
    if len(label) > _LONGEST_LABEL:  # it is none, and to decode a thousand characters may take 30 ms
        return label
    try:
        return idna.ulabel(label)
    except UnicodeError:
        return label


def _is_valid(label: str) -> bool:
    """Tell whether IDNA allows a label, as it does many vowel signs and joiners that are neither letters nor digits."""
    try:
        idna.check_label(label)
    except UnicodeError:
        return False
    return True


def _sent_length(label: str) -> int:
    return len(label) if label.isascii() else len("xn--") + len(label.encode("punycode"))


@cache
def _public_suffixes() -> PublicSuffixList:
    # Read when the first address comes: it takes longer than all else at a process' start, and most never see one.
    # Without the forms with `xn--`, which nobody looks up and which take twice as long as all the others.
    return PublicSuffixList(accept_encoded_idn=False)
