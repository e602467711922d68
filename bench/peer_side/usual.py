"""Mails a newsletter the usual way: `usual.py MESSAGE PORT COUNT`.

Builds an EmailMessage for each reader from subject, headers and bodies that are ready, and hands it to smtplib, on one
connection. Imports the standard library only.
"""

import json
import smtplib
import sys
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path


def message(told: dict, address: str) -> EmailMessage:
    """Return the message of one reader, whose address stands in its bodies."""
    made = EmailMessage()
    made["Subject"] = told["subject"]
    made["To"] = address
    made["Date"] = formatdate(usegmt=True)
    made["Message-ID"] = make_msgid(domain="papers.example.org")
    for name, value in told["headers"]:
        made[name] = value
    made.set_content(told["text"].replace(told["address"], address))
    made.add_alternative(told["html"].replace(told["address"], address), subtype="html")
    return made


told = json.loads(Path(sys.argv[1]).read_text())
with smtplib.SMTP("127.0.0.1", int(sys.argv[2])) as connection:
    for number in range(int(sys.argv[3])):
        connection.send_message(message(told, f"reader{number}@example.org"))
