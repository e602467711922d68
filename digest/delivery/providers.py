"""What is known of mail providers, so that a person need not look it up. May import the settings beside it.

Only what the providers document. Limits that depend on the account or its plan are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from digest.delivery.settings import Tls


@dataclass(frozen=True)
class Provider:
    """How a provider takes mail."""

    #: what people call it
    title: str
    #: None: it depends on the account; `remedy` says on what
    host: str | None
    #: what kind of password it wants, in words
    password: str
    #: what to do where it refuses the login: whole sentences
    remedy: str
    port: int = 465
    tls: Tls = "implicit"
    #: the user, where it is the same for all; None: one's own
    user: str | None = None
    #: connections at once that are recommended
    connections: int = 1
    #: messages a second; None: no limit is documented
    rate: float | None = None
    #: messages in 24 hours; None: it depends on the account, or is not documented
    daily_limit: int | None = None


def _with_app_password(title: str, host: str, path: str, daily_limit: int | None = None) -> Provider:
    """Return a provider that wants a password made for one program."""
    remedy = f"{title} wants an app password, not the account's own: make one at {path}."
    return Provider(title, host, "an app password", remedy, daily_limit=daily_limit)


#: their names in the configuration
PROVIDERS: Final[Mapping[str, Provider]] = {
    # Mailboxes
    "gmail": Provider(
        "Gmail",
        "smtp.gmail.com",
        "an app password: 16 letters",
        "Gmail wants an app password: 16 letters; make one at myaccount.google.com/apppasswords, needs 2-step"
        " verification. The user is the whole address.",
        daily_limit=500,
    ),
    "outlook": Provider(
        "Outlook.com",
        "smtp-mail.outlook.com",
        "none: since September 2024 it takes no passwords",
        "Outlook.com, Hotmail and Live take no passwords from programs since September 2024, app passwords neither."
        " Use another provider.",
        port=587,
        tls="starttls",
    ),
    "office365": Provider(
        "Microsoft 365",
        "smtp.office365.com",
        "the account's, where an administrator has allowed SMTP AUTH",
        "Microsoft 365 takes passwords only where an administrator has allowed SMTP AUTH for the mailbox, and is"
        " ending that. Ask for it, or use another provider.",
        port=587,
        tls="starttls",
        rate=0.5,
        daily_limit=10_000,
    ),
    "fastmail": _with_app_password(
        "Fastmail", "smtp.fastmail.com", "Settings > Privacy & Security > Manage app passwords"
    ),
    "icloud": Provider(
        "iCloud",
        "smtp.mail.me.com",
        "an app-specific password",
        "iCloud wants an app-specific password: make one at account.apple.com, under Sign-In and Security; it needs"
        " two-factor authentication. The user is the whole address.",
        port=587,
        tls="starttls",
        daily_limit=1000,
    ),
    "yahoo": _with_app_password(
        "Yahoo", "smtp.mail.yahoo.com", "login.yahoo.com > Account Security > Generate app password"
    ),
    "gmx": Provider(
        "GMX",
        "mail.gmx.com",
        "the account's; with two-factor authentication an application-specific one",
        "GMX lets programs in only once POP3 and IMAP are allowed in its e-mail settings; with two-factor"
        " authentication it wants an application-specific password (My Account > Security). Addresses at gmx.net and"
        " gmx.de may need the host mail.gmx.net.",
    ),
    "zoho": Provider(
        "Zoho",
        "smtp.zoho.com",
        "the account's; with two-factor authentication an application-specific one",
        "Zoho wants an application-specific password where two-factor authentication is on. Its host goes with the"
        " account: smtppro.zoho.com for paid organisations; .eu, .in, .com.au ... where the data centre is another.",
    ),
    "mailbox.org": Provider(
        "mailbox.org",
        "smtp.mailbox.org",
        "the account's; with two-factor authentication an application password",
        "mailbox.org wants the main address as user; with two-factor authentication an application password"
        " (All settings > Security > Application passwords).",
    ),
    # Services for mail to many
    "sendgrid": Provider(
        "SendGrid",
        "smtp.sendgrid.net",
        "an API key",
        'SendGrid wants the user "apikey", this very word, and as password an API key that may send mail.',
        port=587,
        tls="starttls",
        user="apikey",
        connections=4,
    ),
    "mailgun": Provider(
        "Mailgun",
        "smtp.mailgun.org",
        "the SMTP password of a domain",
        "Mailgun wants the SMTP credentials of the domain (Domain settings > SMTP credentials), not an API key. Domains"
        " in the EU have the host smtp.eu.mailgun.org.",
        port=587,
        tls="starttls",
        connections=4,
    ),
    "postmark": Provider(
        "Postmark",
        # A newsletter is a broadcast there; smtp.postmarkapp.com is for transactional mail.
        "smtp-broadcasts.postmarkapp.com",
        "an SMTP token, or the server API token",
        "Postmark wants the access key and secret key of an SMTP token of the broadcast stream, or the server API token"
        " as user and as password.",
        port=587,
        tls="starttls",
        connections=4,
    ),
    "ses": Provider(
        "Amazon SES",
        None,
        "an SMTP password, made in the SES console",
        "SES wants SMTP credentials of its region, made in the SES console (SMTP settings); AWS access keys are others."
        " The host is email-smtp.REGION.amazonaws.com, like email-smtp.eu-central-1.amazonaws.com.",
        port=587,
        tls="starttls",
        connections=4,
    ),
    "brevo": Provider(
        "Brevo",
        "smtp-relay.brevo.com",
        "an SMTP key",
        "Brevo wants the login and an SMTP key from Settings > SMTP & API > SMTP; an API key is another.",
        connections=4,
    ),
    "mailjet": Provider(
        "Mailjet",
        "in-v3.mailjet.com",
        "the secret key",
        "Mailjet wants the API key as user and the secret key as password (Account > API keys).",
        port=587,
        tls="starttls",
        connections=4,
    ),
    "resend": Provider(
        "Resend",
        "smtp.resend.com",
        "an API key",
        'Resend wants the user "resend", this very word, and as password an API key.',
        user="resend",
        connections=4,
    ),
}
