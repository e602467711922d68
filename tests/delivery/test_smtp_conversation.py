"""The protocol without a socket: what is said when, and that packets may begin and end anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.conversation import Conversation, Manner, stuffed
from digest.delivery.replies import Replies, Reply, outcome, told
from digest.protocols import Answered, Event, Lost, Outcome, Ready
from tests.delivery.lanes import claimed, drive, opened, outcomes, outgoing
from tests.delivery.server import Script, serving

FAST, SLOW = Manner("relay", pipelining=True), Manner("relay")
ENVELOPE = b"MAIL FROM:<news@example.org>\r\nRCPT TO:<reader%d@example.org>\r\nDATA\r\n"
GOOD = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go ahead\r\n"


def said(talk: Conversation) -> bytes:
    """Send all there is; return what it was."""
    data = b"".join(talk.outgoing)
    talk.sent(len(data))
    return data


def ready(manner: Manner = FAST) -> Conversation:
    """Return a conversation whose first message is ready."""
    talk = Conversation(manner)
    talk.offer(outgoing(1))
    if manner.pipelining:
        said(talk)
        talk.received(GOOD)
    else:
        for reply in GOOD.splitlines(keepends=True):
            said(talk)
            talk.received(reply)
    said(talk)
    assert talk.events() == [Ready(claimed(1))]
    return talk


def test_an_envelope_is_one_group():
    talk = Conversation(FAST)
    talk.offer(outgoing(1))
    assert said(talk) == ENVELOPE % 1


def test_a_dot_and_the_next_envelope_are_one_group():
    talk = ready()
    talk.offer(outgoing(2))
    assert said(talk) == b""
    talk.release(claimed(1))
    assert said(talk) == b".\r\n" + ENVELOPE % 2


def test_one_that_is_offered_after_the_release_joins_the_group_that_waits():
    talk = ready()
    talk.release(claimed(1))
    talk.offer(outgoing(2))
    assert said(talk) == b".\r\n" + ENVELOPE % 2


def test_without_pipelining_each_command_waits_for_its_answer():
    talk = Conversation(SLOW)
    talk.offer(outgoing(1))
    for command, reply in zip((ENVELOPE % 1).splitlines(keepends=True), GOOD.splitlines(keepends=True), strict=True):
        assert said(talk) == command
        assert said(talk) == b""
        talk.received(reply)
    assert said(talk) == outgoing(1).content
    talk.offer(outgoing(2))
    talk.release(claimed(1))
    assert said(talk) == b".\r\n"
    talk.received(b"250 Ok\r\n")
    assert said(talk) == b"MAIL FROM:<news@example.org>\r\n"


def test_no_dot_is_said_before_the_release():
    talk = ready()
    talk.received(b"")
    assert said(talk) == b""
    assert not talk.awaits


def test_part_of_the_content_is_not_all():
    talk = Conversation(FAST)
    talk.offer(outgoing(1))
    said(talk)
    talk.received(GOOD)
    whole = sum(map(len, talk.outgoing))
    talk.sent(whole - 1)
    assert not talk.events()
    talk.sent(1)
    assert talk.events() == [Ready(claimed(1))]


def test_after_refused_data_the_next_envelope_begins_with_rset():
    talk = Conversation(FAST)
    talk.offer(outgoing(1))
    said(talk)
    talk.received(b"250 Ok\r\n550 5.1.1 no\r\n554 5.5.1 nobody\r\n")
    talk.offer(outgoing(2))
    assert said(talk) == b"RSET\r\n" + ENVELOPE % 2
    talk.received(b"250 Ok\r\n" + GOOD)
    said(talk)
    assert talk.events() == [Answered(claimed(1), Outcome("failed", 550, "5.1.1", "no")), Ready(claimed(2))]


def test_a_lone_dot_is_answered_before_what_follows_it():
    talk = Conversation(FAST)
    talk.offer(outgoing(1))
    said(talk)
    talk.received(b"250 Ok\r\n550 5.1.1 no\r\n354 go ahead\r\n")
    talk.offer(outgoing(2))
    assert said(talk) == b".\r\n" + ENVELOPE % 2
    talk.received(b"250 2.0.0 taken, for nobody\r\n" + GOOD)
    said(talk)
    assert talk.events() == [Answered(claimed(1), Outcome("failed", 550, "5.1.1", "no")), Ready(claimed(2))]


@pytest.mark.parametrize("manner", [FAST, SLOW])
@pytest.mark.parametrize(("reply", "state"), [(b"552 5.3.4 too big\r\n", "failed"), (b"421 bye\r\n", "pending")])
def test_a_relay_may_break_off_within_the_content(manner, reply, state):
    talk = ready(manner)
    talk.received(reply)
    answered, over = talk.events()
    assert isinstance(answered, Answered)
    assert answered.outcome.state == state
    assert isinstance(over, Lost)
    assert not over.hopeless


def test_what_is_lost_stays_lost():
    talk = ready()
    talk.lose("gone")
    talk.lose("gone again")
    talk.received(b"250 Ok\r\n")
    talk.release(claimed(1))
    assert talk.events() == [Answered(claimed(1), Outcome("pending", text="gone")), Lost("gone")]
    assert not talk.free
    talk.offer(outgoing(2))
    assert [event.outcome.state for event in talk.events() if isinstance(event, Answered)] == ["pending"]


def test_a_refusal_that_was_read_outlives_the_connection():
    talk = Conversation(FAST)
    talk.offer(outgoing(1))
    said(talk)
    talk.received(b"250 Ok\r\n550 5.1.1 no\r\n")
    talk.lose("gone")
    assert talk.events()[0] == Answered(claimed(1), Outcome("failed", 550, "5.1.1", "no"))


#: what a relay may say to each command of an envelope, to a dot, and to RSET
_REPLY = st.sampled_from(
    [
        b"250 2.0.0 Ok\r\n",
        b"250 2.0.0 Ok\r\n",
        b"250-2.0.0 one\r\n250 2.0.0 two\r\n",
        b"354 go\r\n",
        b"354 go\r\n",
        b"450 4.2.1 later\r\n",
        b"550-5.1.1 no\r\n550-5.1.1\r\n550 5.1.1 never\r\n",
        b"421 4.3.2 bye\n",
        b"535 5.7.8 who?\r\n",
        b"garbage\r\n",
        b"250\r\n",
    ]
)


def _talked(manner: Manner, packets: Sequence[bytes]) -> tuple[list[Event], bytes]:
    """Offer whenever it is free, release whatever is ready; return the events and all that was said."""
    talk, events, spoken, number = Conversation(manner), list[Event](), b"", 0

    def settle() -> None:
        nonlocal spoken, number
        busy = True
        while busy:
            busy = False
            if talk.free and number < 6:
                number += 1
                talk.offer(outgoing(number))
            if talk.outgoing:
                spoken, busy = spoken + said(talk), True
            for event in talk.events():
                events.append(event)
                busy = True
                if isinstance(event, Ready):
                    talk.release(event.delivery)

    settle()
    for packet in packets:
        talk.received(packet)
        settle()
    return events, spoken


@pytest.mark.parametrize("manner", [FAST, SLOW], ids=["pipelining", "step by step"])
@given(replies=st.lists(_REPLY, max_size=14), cut=st.integers(0, 60))
def test_where_packets_end_does_not_matter(manner, replies, cut):
    # A peer answers what it was asked: a packet here holds one answer, or a part of it.
    pieces = [piece for reply in replies for piece in (reply[: cut % len(reply)], reply[cut % len(reply) :])]
    assert _talked(manner, pieces) == _talked(manner, replies)


@given(replies=st.lists(_REPLY, max_size=14), cuts=st.sets(st.integers(1, 300)))
def test_replies_may_be_cut_anywhere_and_come_together(replies, cuts):
    whole = b"".join(replies)
    ends = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    reader = Replies()
    found = [reply for begin, end in pairwise(ends) for reply in reader.feed(whole[begin:end])]
    assert found == Replies().feed(whole)
    good = [reply for reply in replies if reply != b"garbage\r\n"]
    if len(good) == len(replies):
        assert [reply.code for reply in found] == [int(reply[:3]) for reply in replies]


@pytest.mark.parametrize("manner", [FAST, SLOW], ids=["pipelining", "step by step"])
@given(replies=st.lists(_REPLY, max_size=25))
def test_each_message_is_answered_for_once(manner, replies):
    talk, offered, answered, over = Conversation(manner), 0, list[int](), False
    for reply in [*replies, None]:
        if reply is None:
            talk.abandon("the end")
        elif talk.awaits:
            talk.received(reply)
        while talk.free:
            offered += 1
            talk.offer(outgoing(offered))
        said(talk)
        for event in talk.events():
            assert not over
            over = isinstance(event, Lost)
            if isinstance(event, Answered):
                answered.append(event.delivery.id)
            elif isinstance(event, Ready):
                talk.release(event.delivery)
    answered += [event.delivery.id for event in talk.events() if isinstance(event, Answered)]
    assert answered == list(range(1, offered + 1))


#: as in a message whose pieces are shared, and long enough for that to matter
LINES = st.lists(
    st.binary(max_size=12).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b"")) | st.just(b"." * 2000)
)


@given(lines=LINES, cuts=st.lists(st.integers(0, 100), max_size=5))
def test_dots_are_doubled_where_a_line_begins(lines, cuts):
    content = b"".join(line + b"\r\n" for line in lines) or b"\r\n"
    places = sorted({0, *(cut for cut in cuts if cut < len(content)), len(content)})
    doubled = b"".join(stuffed(content[start:end] for start, end in pairwise(places)))
    assert b"\r\n.\r\n" not in b"\r\n" + doubled
    assert (b"\r\n" + doubled).replace(b"\r\n.", b"\r\n")[2:] == content


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"one\n.\nMAIL FROM:<x>\r\n"], b"one\n..\nMAIL FROM:<x>\r\n"),
        ([b"one\n", b".", b"\nMAIL FROM:<x>\r\n"], b"one\n..\nMAIL FROM:<x>\r\n"),
        ([b"no end"], b"no end\r\n"),
        ([b"an end in two\r", b"", b"\n"], b"an end in two\r\n"),
    ],
)
def test_a_lone_line_feed_cannot_end_a_message(pieces, expected):
    assert b"".join(stuffed(pieces)) == expected


def test_a_long_piece_is_stuffed_as_what_stands_before_it_wants():
    shared = b".x\r\n" * 1000
    doubled = b"..x\r\n" * 1000
    for before, expected in ((b"a", b"a" + doubled[1:]), (b"a\r\n", b"a\r\n" + doubled)):
        assert b"".join(stuffed([before, shared])) == expected


@given(
    texts=st.lists(st.lists(st.sampled_from([b".", b"..", b".a", b"a.", b"", b"x" * 70]), max_size=6), max_size=4),
    pipelining=st.booleans(),
)
def test_any_lines_arrive_as_they_were(texts, pipelining):
    sent = [outgoing(number, body=b"".join(line + b"\r\n" for line in text)) for number, text in enumerate(texts)]
    with serving(Script(pipelining=pipelining)) as server:
        events = drive(opened(server), sent)
    assert [message.content for message in server.accepted] == [message.content for message in sent]
    assert len(outcomes(events)) == len(sent)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(250, (b"2.0.0 Ok: queued as 4F",)), Outcome("submitted", 250, "2.0.0", "Ok: queued as 4F")),
        (Reply(250, (b"",)), Outcome("submitted", 250, None, "")),
        (Reply(450, (b"4.7.1",)), Outcome("deferred", 450, "4.7.1", "")),
        (Reply(550, (b"no such user",)), Outcome("failed", 550, None, "no such user")),
        (Reply(550, (b"4.7.1 contradicts itself",)), Outcome("failed", 550, None, "4.7.1 contradicts itself")),
        (Reply(550, (b"5.1.1 one", b"5.1.1 two")), Outcome("failed", 550, "5.1.1", "one two")),
        (Reply(550, (b"5.1.1000 odd",)), Outcome("failed", 550, None, "5.1.1000 odd")),
        (Reply(550, (b"gr\xc3\xbc\xc3\x9fe \xff\x00\x1b[31m",)), Outcome("failed", 550, None, "grüße \ufffd [31m")),
    ],
)
def test_a_reply_is_read(reply, expected):
    assert outcome(reply) == expected


def test_a_reply_that_never_ends_is_none():
    assert Replies().feed(b"250-" + b"x" * 5000)[-1].code == 0
    assert Replies().feed(b"250-on\r\n" * 300)[-1].code == 0
    assert told(Replies().feed(b"x" * 5000)[-1])[1].endswith("…")
