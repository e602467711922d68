"""Takes messages through the ledger to a transport: one thread, many lanes, one commit for what happened on all.

While the ledger writes, the messages that follow are made.

    claim -> make -> offer -> Ready -> commit `in_flight` -> release -> Answered -> commit the outcome

The commit of one turn carries what was answered and what is begun on all lanes; only then the bytes go out that make a
message final. May import protocols, models and the ground.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from digest.clock import Clock, elapsed
from digest.delivery.answers import Answers, Suppress
from digest.delivery.losses import STRIKES, Losses
from digest.delivery.pace import Waiting
from digest.delivery.pool import Held, Pool, Slot
from digest.delivery.settings import Pace
from digest.delivery.supply import Supply
from digest.delivery.tally import Tally
from digest.errors import DigestError, StoreError, TransportError
from digest.logs import logger
from digest.models import UnknownPolicy
from digest.protocols import Answered, Event, Ledger, Lost, Outcome, Progress, Ready, Transport
from digest.protocols.delivery import Make

#: seconds between the commit of `in_flight` and the release after which the claim may be another's
LEASE_SAFE = 60.0
#: seconds without a word of any lane after which one that is ready waits for no other ...
QUIET = 0.001
#: ... and how many times as long it waits at most: a commit for each lane costs more than the messages
GATHER = 10
#: seconds between two looks at deadlines and at `stop`
TICK = 0.25
#: how often a lane may be lost under a message before it is put off
RETURNS = 3
#: batches that are claimed at most while those that could go have to wait for their domain
AHEAD = 10
#: seconds before each new try to commit what was answered, once a commit has failed
RETRIES = (0.0, 0.5, 1.5)


@dataclass(frozen=True)
class Sender:
    """Takes messages to a transport.

    Args:
        ledger: what went to whom.
        transport: what takes them away.
        make: makes the message of a delivery.
        clock: the instants that the ledger is told.
        pace: how fast, and how long it is tried.
        policies: newsletter -> what is done about `unknown`; `skip` for those not named.
        suppress: told of bad addresses, after the commit that says so.
        batch: how many are claimed at once.
        progress: shows it to a person.
        backoff: seconds before the third connection in a row; doubles.
        quiet: seconds without a word of any lane after which those that are ready are begun; they are at once where
            no other is to be expected.
        elapsed: seconds that count a stopped process's and a suspended machine's too.
    """

    ledger: Ledger
    transport: Transport
    make: Make
    clock: Clock = field(kw_only=True)
    pace: Pace = field(kw_only=True)
    policies: Mapping[str, UnknownPolicy] = field(kw_only=True)
    suppress: Suppress | None = field(default=None, kw_only=True)
    batch: int = field(default=100, kw_only=True)
    progress: Progress | None = field(default=None, kw_only=True)
    backoff: float = field(default=0.5, kw_only=True)
    quiet: float = field(default=QUIET, kw_only=True)
    elapsed: Callable[[], float] = field(default=elapsed, kw_only=True)

    def work(self, token: str, *, limit: int | None = None, stop: threading.Event | None = None) -> Tally:
        """Send what can be claimed, until nothing more can be.

        What was released is waited for whatever happens, as long as its lane's deadline allows; other claims are
        given back.

        Args:
            token: of the sender that the ledger enlisted.
            limit: how many messages at most.
            stop: ends it early where it is set.

        Raises:
            RenderError: a message cannot be made.
            StoreError: the ledger cannot be written.
        """
        began = time.monotonic()
        run = _Run(self, token, limit, stop or threading.Event())
        run.go()
        return run.tally(time.monotonic() - began)


class _Run:
    """One piece of work, turn by turn."""

    def __init__(self, sender: Sender, token: str, limit: int | None, stop: threading.Event) -> None:
        self._sender, self._ledger, self._token = sender, sender.ledger, token
        self._stop = stop
        self._supply = Supply(sender.ledger, token, sender.clock, sender.batch, limit, sender.pace.daily_limit)
        self._pool = Pool(sender.transport)
        self._losses = Losses(sender.transport.name, sender.transport.lanes, sender.backoff)
        self._waiting: Waiting[Held] = Waiting(sender.pace, time.monotonic)
        #: by id, those on a lane
        self._held: dict[int, Held] = {}
        #: lanes that take a message
        self._idle: deque[Slot] = deque()
        #: what the next commit carries
        self._ready: list[Held] = []
        self._answers = Answers(
            sender.transport.name, sender.clock, sender.pace, sender.policies, sender.suppress, sender.progress
        )
        #: when the ledger was last told, in what `elapsed` counts, and when deadlines are looked at next
        self._committed_at = self._look_at = 0.0
        #: since when a message is ready, and whether nothing has come of the lanes since
        self._ready_since, self._quiet = 0.0, False
        #: it comes to its end
        self._ending = False
        self._lost_commits = 0
        self._told_total = False
        #: why no more messages can be made
        self._fault: DigestError | None = None
        #: why it is no use to go on
        self._trouble: str | None = None

    def go(self) -> None:
        """Work to the end."""
        try:
            while self._goes_on():
                self._turn()
        finally:
            try:
                self._drain()
                self._flush()
            finally:
                self._pool.close()

    def tally(self, duration: float) -> Tally:
        """Return what became of the messages."""
        return Tally(**self._answers.counts, trouble=self._why_over(), duration=duration)

    def _goes_on(self) -> bool:
        if self._is_over():
            return False
        if not (self._held or self._waiting or self._answers):
            return self._claim()
        depth = self._waiting.depth()
        if not self._supply.dry and len(self._waiting) < AHEAD * self._sender.batch:
            if depth < 2 * self._losses.lanes:
                self._claim()
            elif depth < self._sender.batch // 2:
                self._supply.begin()
        return True

    def _why_over(self) -> str | None:
        return self._trouble or self._losses.trouble or self._answers.trouble

    def _is_over(self) -> bool:
        return bool(self._why_over() or self._stop.is_set())

    def _claim(self) -> bool:
        """Take more; False: there are none, or no more are wanted."""
        claimed = self._supply.take()
        for delivery in claimed:
            self._waiting.add(delivery.address, Held(delivery))
        progress, left = self._sender.progress, self._supply.left
        if claimed and progress is not None and not self._told_total:
            self._told_total = True
            open_now = max(self._ledger.counts().pending, len(claimed))
            progress.start(open_now if left is None else min(open_now, left + len(claimed)))
        return bool(claimed)

    # One turn: what happened, one commit for it, what may happen now.

    def _turn(self) -> None:
        if not self._ending:
            self._feed()
            self._open()
        slots = self._wait()
        self._quiet = not slots
        for slot in slots:
            self._advance(slot)
        for opened in self._pool.opened():
            self._settle_in(opened)
        self._check_deadlines()
        if self._ending:
            if self._is_due():
                self._try_to_commit()
            return
        if self._is_due():
            self._release(self._commit())

    def _wait(self) -> list[Slot]:
        """Wait for lanes, and make what they take next if there is time for it."""
        timeout = self._timeout()
        if timeout and not self._ending:
            for held in self._waiting.first(self._losses.lanes):
                if held.message is None:
                    if slots := self._pool.wait(0.0):
                        return slots
                    held.message = self._sender.make(held.delivery)
        return self._pool.wait(timeout)

    def _timeout(self) -> float:
        if self._is_due() or self._pool.has_work():
            return 0.0
        if self._ready:
            return self._sender.quiet
        waits = [TICK]
        if self._answers:
            waits.append(self._answers.wait(last=not self._held))
        if not self._ending:
            wait = self._waiting.wait()
            if wait:
                waits.append(wait)
            wait = self._losses.wait()
            if wait:
                waits.append(wait)
        return max(0.0, min(waits))

    def _is_due(self) -> bool:
        """Say whether it is time to commit: all that will soon be ready is, or answers have waited long enough."""
        if not self._ready:
            return self._answers.is_due(last=not self._held)
        if self._quiet or time.monotonic() - self._ready_since > GATHER * self._sender.quiet:
            return True
        return not any(slot.gets_ready() for slot in self._pool.slots)

    def _commit(self) -> list[Held]:
        """Tell the ledger all that happened since it was told last; return what may be released."""
        begun = [held for held in self._ready if held.ready and held.slot is not None and held.slot.ending is None]
        concluded = self._answers.take()
        self._ready = []
        if not (begun or concluded):
            return []
        for held in begun:
            held.ready, held.begun = False, True
        self._committed_at = self._sender.elapsed()
        try:
            lost = self._ledger.advance(
                self._token,
                [held.delivery for held in begun],
                concluded,
                self._sender.clock(),
                meanwhile=None if self._ending else self._meanwhile,
            )
        except StoreError:
            self._answers.put_back(concluded)
            raise
        self._answers.note(concluded)
        if self._fault is not None:
            raise self._fault
        return self._without_lost(begun, lost) if lost else begun

    def _meanwhile(self) -> None:
        """Make what the lanes take next while the ledger writes; what fails is told when that is done."""
        try:
            self._feed()
        except DigestError as error:
            self._fault = error

    def _try_to_commit(self) -> bool:
        """Tell the ledger what was answered; if it cannot be told now, keep it for later."""
        try:
            self._commit()
        except StoreError as error:
            logger().warning("answers not recorded yet", error=str(error), answers=len(self._answers))
            return False
        return True

    def _without_lost(self, begun: Sequence[Held], lost: frozenset[int]) -> list[Held]:
        """Keep what is still ours; the lanes of the others end."""
        kept = [held for held in begun if held.delivery.id not in lost]
        for held in begun:
            if held.delivery.id in lost:
                logger().warning("claim lost", delivery=held.delivery.id)
                self._leave(held, "the claim of its message was lost")
        if kept:
            self._lost_commits = 0
        else:
            self._forsake()
        return kept

    def _leave(self, held: Held, reason: str) -> None:
        """Have nothing to do with a message any more; its lane ends."""
        slot = held.slot
        self._held.pop(held.delivery.id, None)
        if slot is not None:
            slot.items.pop(held.delivery.id, None)
            self._end(slot, reason)

    def _forsake(self) -> None:
        """All claims may be lost, where the sender was taken for dead: give back what is left, and claim anew."""
        self._lost_commits += 1
        if self._lost_commits >= STRIKES:
            self._trouble = "the ledger has given the claims of this sender away, again and again; is its clock right?"
        forsaken = [held for held in self._held.values() if not held.begun]
        self._supply.give_back(len(forsaken) + len(self._waiting))
        self._waiting.clear()
        for held in forsaken:
            held.ready = False
            self._leave(held, "the claim of its message was given back")

    def _release(self, begun: Sequence[Held]) -> None:
        """Let what the ledger has in flight go, each with the envelope of the next message behind it."""
        for held in begun:
            slot = held.slot
            if slot is None or slot.gone or slot.ending or not held.begun:
                continue
            if self._sender.elapsed() - self._committed_at > LEASE_SAFE:
                self._end(slot, "this process was stopped for too long; another may have its messages")
                continue
            slot.lane.release(held.delivery)
            held.released = True
            if slot.lane.free and self._waiting.ready() > self._sooner():
                self._offer(slot)
            self._advance(slot)

    # Lanes

    def _sooner(self) -> int:
        """Return how many lanes would begin a message before one does that has another in flight."""
        return self._pool.opening + sum(not slot.items for slot in self._idle)

    def _feed(self) -> None:
        """Give lanes that are free what may go now, before those that have a message in flight."""
        busy: list[Slot] = []
        while self._idle and self._waiting:
            slot = self._idle.popleft()
            slot.idle = False
            if slot.gone or slot.ending or not slot.lane.free:
                continue
            if slot.items and self._waiting.ready() <= self._sooner():
                busy.append(slot)
            elif self._offer(slot):
                # behind another message it may have to wait
                if slot.lane.writes or len(slot.items) == 1:
                    self._advance(slot)
            else:
                busy.append(slot)
                break
        for slot in busy:
            slot.idle = True
        self._idle.extendleft(reversed(busy))

    def _offer(self, slot: Slot) -> bool:
        """Give a lane the next message; False: none may go now."""
        held = self._waiting.take()
        if held is None:
            return False
        message, held.message = held.message or self._sender.make(held.delivery), None
        held.slot = slot
        self._held[held.delivery.id] = slot.items[held.delivery.id] = held
        if not slot.in_flight():
            slot.touched = time.monotonic()
        slot.lane.offer(message)
        return True

    def _advance(self, slot: Slot) -> None:
        """Let a lane go on, and take note of what came of it."""
        if slot.gone:
            return
        self._note(slot, slot.lane.advance())
        if slot.gone:
            return
        if slot.ending is not None:
            self._end(slot, slot.ending)
            return
        self._pool.watch(slot)
        if not slot.idle and slot.lane.free:
            slot.idle = True
            self._idle.append(slot)

    def _note(self, slot: Slot, events: Sequence[Event]) -> None:
        if events:
            slot.touched = time.monotonic()
        idle = not slot.items
        for event in events:
            if isinstance(event, Answered):
                self._answered(slot, event)
            elif isinstance(event, Ready):
                held = self._held.get(event.delivery.id)
                if held is not None and slot.ending is None:
                    if not self._ready:
                        self._ready_since, self._quiet = time.monotonic(), False
                    held.ready = True
                    self._ready.append(held)
            else:
                self._lost(slot, event.reason, idle=idle, hopeless=event.hopeless)

    def _answered(self, slot: Slot, event: Answered) -> None:
        delivery, outcome = event
        slot.items.pop(delivery.id, None)
        held = self._held.pop(delivery.id, None)
        if held is None:
            # its claim was lost or given back: it is another's
            return
        held.ready, held.slot = False, None
        if outcome.state == "pending" and not held.begun:
            # Its fault it may be where it was the first of a connection: relays hang up after some messages.
            held.returns += slot.ending is None and not slot.submitted
            if held.returns < RETURNS:
                self._waiting.add(delivery.address, held)
                return
            outcome = outcome._replace(state="deferred", text=f"the connection was lost under it: {outcome.text}")
        if outcome.state == "submitted":
            self._losses.took()
            slot.submitted += 1
        self._answers.add(delivery, outcome)

    def _lost(self, slot: Slot, reason: str, *, idle: bool, hopeless: bool) -> None:
        """A lane is over: is there another, now or later?"""
        if slot.gone:
            return
        self._pool.forget(slot)
        self._bury(slot, reason)
        if self._ending or (idle and slot.submitted and not hopeless):
            # relays hang up on those who have nothing to say
            return
        if hopeless:
            self._losses.refused(reason, len(self._pool.slots) + self._pool.opening, hopeless=True)
        else:
            self._losses.lost(reason, slot.opened)

    def _bury(self, slot: Slot, reason: str) -> None:
        """Answer for what a lane left without an answer, against its contract."""
        for held in list(slot.items.values()):
            outcome = Outcome("unknown", text=reason) if held.released else Outcome("pending", text=reason)
            self._answered(slot, Answered(held.delivery, outcome))

    def _settle_in(self, opened: Slot | TransportError) -> None:
        if self._ending:
            if isinstance(opened, Slot):
                self._end(opened, "the sender ends")
        elif isinstance(opened, Slot):
            self._losses.opened(len(self._pool.slots))
            self._advance(opened)
        else:
            self._losses.refused(str(opened), len(self._pool.slots) + self._pool.opening, hopeless=False)

    def _open(self) -> None:
        """Open as many lanes as there are messages that may go now and have none."""
        pool = self._pool
        if not self._waiting or self._is_over():
            return
        room = self._losses.room(len(pool.slots) + pool.opening)
        for _ in range(min(room, self._waiting.ready() - len(self._idle) - pool.opening)):
            pool.open()

    def _check_deadlines(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + TICK / 2
        for slot in list(self._pool.slots):
            deadline = slot.lane.deadline
            if deadline is not None and deadline <= now:
                reason = f"no answer for {now - slot.touched:.0f} s"
                self._note(slot, [*slot.lane.close(reason), Lost(reason)])

    # Ends

    def _end(self, slot: Slot, reason: str) -> None:
        """Let a lane take and release nothing more; close it as soon as nothing is in flight on it."""
        slot.ending = reason
        if slot.gone or slot.in_flight():
            return
        self._pool.forget(slot)
        self._note(slot, slot.lane.close(reason))
        self._bury(slot, reason)

    def _drain(self) -> None:
        """Wait for what is in flight; close all lanes."""
        self._ending = True
        for slot in list(self._pool.slots):
            self._end(slot, "the sender ends")
            # what was released may still have to leave
            self._advance(slot)
        while self._pool.slots:
            self._turn()

    def _flush(self) -> None:
        """Tell the ledger the last answers, even if it has to be asked again, and let go of all claims."""
        for wait in RETRIES:
            time.sleep(wait)
            if self._try_to_commit():
                break
        else:
            self._commit()
        self._supply.give_back()
