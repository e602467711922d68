"""`digest send`: works the outbox."""

from __future__ import annotations

import click

from digest import outbox, pipeline
from digest.addresses import checked
from digest.bootstrap import System, opened, post
from digest.cli import mailing
from digest.cli.common import Asked, find_edition, options, progress
from digest.config import resolve_mail
from digest.delivery.once import submit
from digest.errors import TransportError, UsageError
from digest.text import count_noun


@click.command()
@click.argument("name", required=False)
@click.option("--newsletter", metavar="ID", help="Only this one.")
@click.option("--follow", is_flag=True, help="Keep working the outbox; several at once are safe.")
@click.option("--max", "limit", type=click.IntRange(1), metavar="N", help="At most N messages.")
@click.option("--only-missing", is_flag=True, help="The edition NAME to those who have not got it.")
@click.option("--resolve-unknown", type=click.Choice(["skip", "resend"]), help="Decide about unknown ones.")
@click.option("--pause", "pausing", flag_value="pause", help="Hand over nothing until --resume.")
@click.option("--resume", "pausing", flag_value="resume", help="Go on.")
@click.option("--to", "address", metavar="ADDRESS", help="With --test: whom the test goes to.")
@click.option("--test", "test", is_flag=True, help="Mail the next edition as it would be to --to; nothing is noted.")
@options
def command(
    asked: Asked,
    name: str | None,
    newsletter: str | None,
    follow: bool,
    limit: int | None,
    only_missing: bool,
    resolve_unknown: str | None,
    pausing: str | None,
    address: str | None,
    test: bool,
) -> None:
    """Finish what is open, then submit what is due, to every confirmed subscriber once.

    NAME is an edition, for --only-missing: daily/128, daily/2026-11-20 or last.
    """
    if test != (address is not None):
        raise UsageError("--test and --to belong together: digest send --to me@example.org --test")
    if only_missing != (name is not None):
        raise UsageError("--only-missing and an edition belong together: digest send daily/128 --only-missing")
    config = asked.config()
    with opened(config) as system:
        newsletters = mailing.chosen(system, newsletter)
        if pausing:
            _pause(asked, system, [one.id for one in newsletters], pausing == "pause")
            return
        mail = resolve_mail(config)
        if test and address is not None:
            _test(asked, system, post(system, mail), address, newsletter)
            return
        now = system.parts.clock()
        if resolve_unknown:
            _resolve(asked, system, [one.id for one in newsletters], resend=resolve_unknown == "resend")
            if resolve_unknown == "skip":
                return
        if only_missing and name:
            newsletter_id, number = find_edition(system, name)
            made = system.store.ledger.reopen(newsletter_id, now, states=("failed",), number=number)
            made += system.store.ledger.send_missing(newsletter_id, number, now)
            asked.say(f"{count_noun(made, 'subscriber')} of {newsletter_id}/{number} had not got it.")
        about = mailing.came_back(system)
        with mailing.stopping() as stop, progress(asked, "mail") as bar:
            work = outbox.follow if follow else outbox.deliver
            done = work(post(system, mail, bar), limit=limit, stop=stop)
    asked.tell(mailing.told(done))
    asked.say("\n".join([*about, *mailing.lines(done)]))
    raise SystemExit(mailing.complain(done))


def _pause(asked: Asked, system: System, newsletters: list[str], paused: bool) -> None:
    for newsletter in newsletters:
        system.store.ledger.pause(newsletter, paused)
    asked.tell({"paused": list(system.store.ledger.paused())})
    asked.say(f"{', '.join(newsletters)}: {'paused; --resume goes on' if paused else 'goes on with the next send'}.")


def _resolve(asked: Asked, system: System, newsletters: list[str], *, resend: bool) -> None:
    ledger, now = system.store.ledger, system.parts.clock()
    if resend:
        found = sum(ledger.reopen(one, now, states=("unknown",)) for one in newsletters)
        asked.say(f"{count_noun(found, 'unknown message')} submitted once more.")
        return
    found = sum(ledger.settle_unknown(one, now) for one in newsletters)
    asked.tell({"settled": found})
    asked.say(f"{count_noun(found, 'unknown message')} left as they are.")


def _test(asked: Asked, system: System, wired: outbox.Post, address: str, newsletter: str | None) -> None:
    (first, *_) = mailing.chosen(system, newsletter)
    edition = pipeline.upcoming(system.parts, first)
    if edition is None:
        raise UsageError(f"{first.id} has no edition yet and nothing waits for one: digest run, then try again")
    try:
        message = wired.test(edition, checked(address))
    except ValueError as error:
        raise UsageError(f"--to: {address}: {error}") from error
    outcome = submit(wired.transport, message)
    asked.tell({"edition": f"{first.id}/{edition.number}", "to": address, "state": outcome.state, "text": outcome.text})
    if outcome.state != "submitted":
        raise TransportError(f"{wired.transport.name} did not take the test for {address}: {outcome.text}")
    asked.say(f"A test of {first.id}/{edition.number} was submitted to {wired.transport.name} for {address}.")
