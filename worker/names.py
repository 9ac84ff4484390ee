"""Names that people give to connections, workspaces and users, and e-mail domains that they write."""

DEFAULT_WORKSPACE = "default"

_LONGEST_NAME = 100


def check_name(text: str) -> str:
    """Give a name back. Raises ValueError for one that could not be told apart when it is shown."""
    if text != text.strip() or not text or not text.isprintable() or len(text) > _LONGEST_NAME:
        raise ValueError("a name has 1 to 100 printable characters, without spaces at its ends")
    return text


def read_domain(text: str) -> str:
    """Read an e-mail domain, in lower case. Raises ValueError where it is none."""
    domain = text.strip().lower().rstrip(".")
    if not domain or "@" in domain or not domain.isprintable() or " " in domain:
        raise ValueError(f"{text.strip()!r} is no domain such as acme.com")
    return domain
