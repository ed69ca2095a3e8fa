"""A page for trying out: the mail that the example has "sent", and how each kind looks in each language."""

from collections.abc import Iterable
from html import escape

from watchword import EmailDelivery, Mail, RenderedMail, Sms, SmsDelivery

KINDS = {"password_reset": "Reset of a password", "email_verification": "Proof of an address"}
SMS_KINDS = ("sign_in_code", "sign_in_link", "sign_in_code_and_link")
LANGUAGES = ("en", "de", "fr", "es", "it", "pt")

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mail of the Watchword demo</title>
<link rel="icon" href="data:,">
<style>
  body {{ margin: 0 auto; max-width: 44rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; }}
  article {{ border: 1px solid #8886; border-radius: 14px; padding: 1rem; margin: 1rem 0; }}
  h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin: 0; overflow-wrap: anywhere; }}
  iframe {{ width: 100%; height: 26rem; border: 0; background: #fff; border-radius: 9px; }}
</style>
</head>
<body>
<p><a href="/">Back to the demo</a></p>
{content}
</body>
</html>
"""


def sent_mail(mails: Iterable[RenderedMail], sms_delivery: SmsDelivery) -> str:
    """The page of what was sent, the newest first. Whoever sees it can use the links in it: not for a real site."""
    articles = [_article(mail) for mail in reversed(list(mails))]
    nothing = "<p>Nothing was sent yet. Ask for a new password, or prove an address; then reload this page.</p>"
    samples = " · ".join(
        f'{name}: {", ".join(f"""<a href="/mail/sample/{kind}/{tag}">{tag}</a>""" for tag in LANGUAGES)}'
        for kind, name in KINDS.items()
    )
    heading = "<h1>Sent mail</h1><p>A real site sends it by SMTP; the example keeps it here.</p>"
    return PAGE.format(
        content=f"{heading}{''.join(articles) or nothing}<h2>Samples</h2><p>{samples}</p>{_texts(sms_delivery)}"
    )


def _texts(delivery: SmsDelivery) -> str:
    """What each kind of text message looks like in each language, with made-up values, and what it costs."""
    values = {"code": "481516", "minutes": "10", "link": "https://example.com/l/0123456789abcdef"}
    rows: list[str] = []
    for kind in SMS_KINDS:
        for tag in LANGUAGES:
            sms = Sms(kind=kind, to="+4915112345678", user_id="ada", tenant_id="public", values=values, language=tag)
            text = delivery.render(sms)
            rows.append(f"<li>{escape(text.text)} <small>({text.segments} to pay for)</small></li>")
    return f"<h2>Text messages</h2><ul>{''.join(rows)}</ul>"


def sample_mail(delivery: EmailDelivery, kind: str, language: str) -> str:
    """The page of one kind of mail in one language, with made-up values. Raises `LookupError` for another kind."""
    mail = Mail(
        kind=kind,
        to="ada@example.com",
        user_id="ada",
        tenant_id="public",
        values={"link": "https://example.com/auth/?token=0123456789abcdef"},
        language=language,
    )
    return PAGE.format(content=_article(delivery.render(mail)))


def _article(mail: RenderedMail) -> str:
    """One mail. Its frame runs no scripts and is an origin of its own."""
    link = next((line for line in mail.text.splitlines() if line.startswith(("http://", "https://"))), "")
    subject, body = escape(mail.subject), escape(mail.html or escape(mail.text))
    return f"""<article>
<h2>{subject}</h2>
<p>To {escape(mail.to)} · <a href="{escape(link)}">Open its link</a></p>
<iframe sandbox title="{subject}" srcdoc="{body}"></iframe>
</article>"""
