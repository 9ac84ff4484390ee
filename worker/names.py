"""Names that people give to connections, workspaces and users, and e-mail domains that they write."""

from worker.fold.domains import is_domain, readable_domain

DEFAULT_WORKSPACE = "default"

_LONGEST_NAME = 100


def check_name(text: str) -> str:
    """Give a name back. Raises ValueError for one that could not be told apart when it is shown."""
    if text != text.strip() or not text or not text.isprintable() or len(text) > _LONGEST_NAME:
        raise ValueError("a name has 1 to 100 printable characters, without spaces at its ends")
    return text


def read_domain(text: str) -> str:
    """Read an e-mail domain, into its readable form. Raises ValueError where it is none."""
    domain = readable_domain(text.strip())
    # Some valid ones are not printable: they have joiners, by which letters are written another way.
    if not domain or "@" in domain or " " in domain or not (domain.isprintable() or is_domain(domain)):
        raise ValueError(f"{text.strip()!r} is no domain such as acme.com")
    return domain
