from __future__ import annotations

import mailbox
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.folders import EmlFolder, Maildir, eml_name, unique_name
from digest.errors import TransportError
from digest.protocols import Answered, Lost, Outcome, Ready
from digest.testing import make_claimed, make_outgoing
from tests.delivery.readers import addresses, readers, send, states


def test_a_maildir_gets_each_message(tmp_path) -> None:
    people = addresses(20)
    with readers(tmp_path, *people) as store:
        assert send(store, Maildir(tmp_path / "mail" / "box")).submitted == 20
    box = mailbox.Maildir(tmp_path / "mail" / "box", create=False)
    assert sorted(message["To"] for message in box) == sorted(people)
    assert all(message.get_subdir() == "new" for message in box)
    assert not list((tmp_path / "mail" / "box" / "tmp").iterdir())
    one = next((tmp_path / "mail" / "box" / "new").iterdir())
    assert b"\r" not in one.read_bytes()


def test_a_folder_gets_a_file_for_each_message(tmp_path) -> None:
    people = addresses(20)
    with readers(tmp_path, *people) as store:
        assert send(store, EmlFolder(tmp_path / "out")).submitted == 20
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"daily-1-{one}.eml" for one in people)
    content = (tmp_path / "out" / "daily-1-reader3@example.org.eml").read_bytes()
    assert content == make_outgoing(make_claimed(3)).content


@pytest.mark.parametrize("kind", [Maildir, EmlFolder])
def test_nothing_is_seen_before_it_is_released(tmp_path, kind) -> None:
    seen = tmp_path / "new" if kind is Maildir else tmp_path
    lane = kind(tmp_path).open()
    message = make_outgoing(make_claimed(1))
    lane.offer(message)
    assert not lane.free
    assert list(lane.advance()) == [Ready(message.delivery)]
    assert [path for path in seen.iterdir() if path.is_file() and path.suffix != ".part"] == []
    assert list(lane.advance()) == []
    lane.release(message.delivery)
    (answered,) = lane.advance()
    assert answered.outcome.state == "submitted"
    assert len([path for path in seen.iterdir() if path.is_file()]) == 1
    assert lane.free


@pytest.mark.parametrize("kind", [Maildir, EmlFolder])
def test_a_message_that_is_not_released_leaves_nothing(tmp_path, kind) -> None:
    lane = kind(tmp_path).open()
    message = make_outgoing(make_claimed(1))
    lane.offer(message)
    lane.advance()
    assert list(lane.close("enough")) == [Answered(message.delivery, Outcome("pending", text="enough"))]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not lane.free


@pytest.mark.parametrize("kind", [Maildir, EmlFolder])
def test_what_has_its_name_is_submitted_even_if_nobody_asked(tmp_path, kind) -> None:
    lane = kind(tmp_path).open()
    message = make_outgoing(make_claimed(1))
    lane.offer(message)
    lane.advance()
    lane.release(message.delivery)
    (answered,) = lane.close("enough")
    assert answered.outcome.state == "submitted"


def test_sent_again_a_file_is_replaced(tmp_path) -> None:
    lane = EmlFolder(tmp_path).open()
    for body in ("first", "second"):
        message = make_outgoing(make_claimed(1), body)
        lane.offer(message)
        lane.advance()
        lane.release(message.delivery)
        lane.advance()
    (path,) = tmp_path.iterdir()
    assert path.read_bytes().endswith(b"second\r\n")


@pytest.mark.parametrize("kind", [Maildir, EmlFolder])
def test_a_folder_that_cannot_be_made_is_told(tmp_path, kind) -> None:
    (tmp_path / "file").write_text("I am no folder")
    with pytest.raises(TransportError, match=r"file.*make it a folder"):
        kind(tmp_path / "file" / "box").open()
    with readers(tmp_path, *addresses(2)) as store:
        tally = send(store, kind(tmp_path / "file"))
        assert set(states(store).values()) == {"pending"}
    assert tally.trouble
    assert "make it a folder" in tally.trouble


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(TransportError, match="Permission denied"):
        EmlFolder(tmp_path).open()


@pytest.mark.parametrize("kind", [Maildir, EmlFolder])
def test_a_folder_that_goes_away_ends_the_work(tmp_path, kind) -> None:
    transport = kind(tmp_path / "box")
    lane = transport.open()
    for path in sorted((tmp_path / "box").rglob("*"), reverse=True):
        path.rmdir()
    (tmp_path / "box").rmdir()
    message = make_outgoing(make_claimed(1))
    lane.offer(message)
    answered, lost = lane.advance()
    assert isinstance(answered, Answered)
    assert (answered.delivery, answered.outcome.state) == (message.delivery, "pending")
    assert isinstance(lost, Lost)
    assert lost.hopeless


def test_a_name_that_is_taken_by_a_folder_defers(tmp_path) -> None:
    lane = EmlFolder(tmp_path).open()
    message = make_outgoing(make_claimed(1))
    (tmp_path / eml_name(message.delivery)).mkdir()
    lane.offer(message)
    lane.advance()
    lane.release(message.delivery)
    (answered,) = lane.advance()
    assert isinstance(answered, Answered)
    assert answered.outcome.state == "deferred"
    assert [path.name for path in tmp_path.iterdir()] == [eml_name(message.delivery)]


@pytest.mark.parametrize(
    ("newsletter", "address", "name"),
    [
        ("daily", "ann@example.org", "daily-1-ann@example.org.eml"),
        ("daily", "a+b=c@example.org", "daily-1-a+b=c@example.org.eml"),
        ("daily", "../../etc/passwd@x.example", "daily-1-%2E.%2F..%2Fetc%2Fpasswd@x.example.eml"),
        ("daily", '"a b"@x.example', "daily-1-%22a%20b%22@x.example.eml"),
        ("daily", "2-x@y.example", "daily-1-2%2Dx@y.example.eml"),
        ("daily", "jörg@x.example", "daily-1-j%C3%B6rg@x.example.eml"),
    ],
)
def test_names_are_safe(newsletter, address, name) -> None:
    assert eml_name(make_claimed(1, address, newsletter=newsletter)) == name


parts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300)


@given(parts, parts, st.integers(1, 10**9))
def test_every_name_stays_in_its_folder(newsletter, address, upto) -> None:
    name = eml_name(make_claimed(1, address, newsletter=newsletter, upto=upto))
    assert "/" not in name
    assert not name.startswith(".")
    assert len(f".{name}.part") <= 255
    assert name == eml_name(make_claimed(2, address, newsletter=newsletter, upto=upto))


ids = st.from_regex(r"[a-z][a-z0-9-]{0,3}", fullmatch=True)


@given(st.lists(st.tuples(ids, st.integers(1, 99), st.from_regex(r"[1-9a-]{1,4}@x", fullmatch=True)), unique=True))
def test_no_two_deliveries_share_a_name(deliveries) -> None:
    names = {
        eml_name(make_claimed(1, address, newsletter=newsletter, upto=upto)) for newsletter, upto, address in deliveries
    }
    assert len(names) == len(deliveries)


def test_names_in_a_maildir_differ() -> None:
    names = {unique_name() for _ in range(1000)}
    assert len(names) == 1000
    assert not any("/" in name or ":" in name for name in names)
