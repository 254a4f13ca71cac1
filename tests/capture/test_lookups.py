"""What the packets of a namespace tell of its look-ups: which was answered, by whom, and which was not."""

from dataclasses import replace

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.capture.filtered import VERSIONS, both
from tests.capture.packets import TCP, UDP, Packet
from tests.capture.wire import BEGUN_US, NAMESPACE, STEP_US, Connection, Wire
from tui.capture.lookups import QUERIES_MAX, SILENCE_US, STREAMS_MAX
from tui.model.connection import Endpoint
from tui.model.lookup_failure import NO_ANSWER, NO_SUCH_NAME, RESOLVER_FAILED
from tui.model.wire import Lookup

HOST = "licensing.tryretool.com"
OVER_UDP, OVER_TCP = Packet(UDP, far_port=53), Packet(TCP, far_port=53)
RESOLVER = Endpoint("203.0.113.10", 53)
TOLD = (("203.0.113.30", 60.0),)


def query(host: str = HOST, kind: str = "A", id: int = 7) -> dns.message.Message:
    return dns.message.make_query(f"{host}.", kind, id=id)


def answer(to: dns.message.Message, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, ip: str = TOLD[0][0]) -> bytes:
    """An answer to a query for an address, with one unless it failed."""
    reply = dns.message.make_response(to)
    reply.set_rcode(rcode)
    if rcode == dns.rcode.NOERROR:
        reply.answer.append(dns.rrset.from_text(to.question[0].name, 60, "IN", to.question[0].rdtype, ip))
    return reply.to_wire()


ASKED = query()
QUERY, ANSWER = ASKED.to_wire(), answer(ASKED)


def ask(payload: bytes = QUERY, by: Packet = OVER_UDP) -> Packet:
    return replace(by, payload=payload)


def reply(payload: bytes = ANSWER, by: Packet = OVER_UDP) -> Packet:
    return replace(by, payload=payload).incoming()


def framed(*messages: bytes) -> bytes:
    """As they go over TCP (RFC 1035 §4.2.2)."""
    return b"".join(len(message).to_bytes(2) + message for message in messages)


BESIDE = replace(OVER_UDP, far="203.0.113.11")
"""The same query to another resolver: what musl does at once for all that are set."""


def told_by(wire: Wire) -> list[tuple[str, str | None]]:
    return [(each.resolver.ip, each.failure) for each in wire.lookups()]


@pytest.mark.parametrize("first", [OVER_UDP, BESIDE])
def test_of_several_resolvers_that_are_asked_at_once_the_first_that_knows_counts(first: Packet) -> None:
    wire = Wire().take(ask(), ask(by=BESIDE), reply(by=first))
    assert told_by(wire) == [(first.far, None)]
    assert wire.lookups(SILENCE_US) == []


def test_of_several_resolvers_one_that_fails_leaves_the_others_to_answer() -> None:
    failed = answer(ASKED, dns.rcode.SERVFAIL)
    wire = Wire().take(ask(), ask(by=BESIDE), reply(failed), reply(by=BESIDE))
    assert told_by(wire) == [(OVER_UDP.far, RESOLVER_FAILED), (BESIDE.far, None)]


@VERSIONS
def test_an_answer_tells_the_addresses_of_the_name_that_was_asked_for_and_who_said_so(v6: bool) -> None:
    by = both(OVER_UDP, v6)
    flows, lookups = Wire().take(ask(by=by), reply(by=by)).tell()
    resolver = Endpoint(by.far, 53)
    assert lookups == [Lookup(BEGUN_US + STEP_US, NAMESPACE, resolver, HOST, "A", TOLD)]
    (flow,) = flows
    assert (flow.protocol, flow.local, flow.remote) == ("udp", Endpoint(by.near, 40_000), resolver)
    assert (flow.started_us, flow.host, flow.evidence) == (BEGUN_US, None, None)


@pytest.mark.parametrize(("rcode", "failure"), [
    (dns.rcode.NXDOMAIN, NO_SUCH_NAME), (dns.rcode.SERVFAIL, RESOLVER_FAILED),
])  # fmt: skip
def test_a_failure_is_told_in_words(rcode: dns.rcode.Rcode, failure: str) -> None:
    (lookup,) = Wire().take(ask(), reply(answer(ASKED, rcode))).lookups()
    assert (lookup.host, lookup.addresses, lookup.failure) == (HOST, (), failure)


def test_two_questions_from_one_port_each_have_their_own_answer() -> None:
    other = query(kind="AAAA", id=8)
    wire = Wire().take(ask(), ask(other.to_wire()), reply(answer(other, ip="2001:db8::30")), reply())
    assert [(lookup.kind, lookup.addresses[0][0]) for lookup in wire.lookups()] == [
        ("AAAA", "2001:db8::30"), ("A", "203.0.113.30"),
    ]  # fmt: skip


@pytest.mark.parametrize("forged", [
    reply(answer(query(id=8))),
    reply(answer(query("invites.tryretool.com"))),
    reply(answer(query(kind="AAAA"), ip="2001:db8::66")),
    replace(reply(), near_port=40_001),
    replace(reply(), far="203.0.113.66"),
    replace(reply(), far_port=54),
    reply(QUERY),
    reply(ANSWER[:16]),
    reply(b""),
])  # fmt: skip
def test_an_answer_that_was_not_asked_for_or_comes_from_elsewhere_counts_for_nothing(forged: Packet) -> None:
    wire = Wire().take(ask(), forged)
    assert wire.lookups() == []
    assert [lookup.addresses for lookup in wire.take(reply()).lookups()] == [TOLD]


def test_an_answer_counts_once() -> None:
    wire = Wire().take(ask(), reply(), reply(answer(ASKED, ip="203.0.113.66")))
    assert [lookup.addresses for lookup in wire.lookups()] == [TOLD]


def test_a_query_without_an_answer_is_told_to_have_none_after_the_resolvers_patience() -> None:
    wire = Wire().take(ask())
    assert wire.lookups(SILENCE_US - 2 * STEP_US) == []
    assert wire.flows.has_news
    assert wire.lookups(STEP_US) == [Lookup(BEGUN_US + SILENCE_US, NAMESPACE, RESOLVER, HOST, "A", failure=NO_ANSWER)]
    assert not wire.flows.has_news
    assert wire.take(reply()).lookups(SILENCE_US) == []


def test_a_query_that_is_sent_again_is_one_and_its_patience_counts_from_the_first() -> None:
    wire = Wire().take(ask())
    wire.now_us = BEGUN_US + 3_000_000
    wire.take(ask())
    assert len(wire.lookups(2_000_000)) == 1
    wire.take(ask(), ask(), reply())
    assert [lookup.failure for lookup in wire.lookups(SILENCE_US)] == [None]


def test_an_answer_that_has_no_room_is_neither_an_answer_nor_silence() -> None:
    """The client asks again over TCP, and that is told."""
    cut = dns.message.make_response(ASKED)
    cut.flags |= dns.flags.TC
    wire = Wire().take(ask(), reply(cut.to_wire()))
    Connection(wire, replace(OVER_TCP, near_port=40_009)).open().send(framed(QUERY)).hear(framed(ANSWER))
    assert [(lookup.addresses, lookup.failure) for lookup in wire.lookups(2 * SILENCE_US)] == [(TOLD, None)]


def test_a_question_to_dockers_resolver_is_known_by_its_address_whatever_port_it_has() -> None:
    by = Packet(UDP, far_port=36_111, near="127.0.0.1", far="127.0.0.11")
    flows, lookups = Wire().take(ask(by=by), reply(by=replace(by, far_port=53))).tell()
    assert flows == []
    assert [(lookup.resolver, lookup.addresses) for lookup in lookups] == [(Endpoint("127.0.0.11", 53), TOLD)]


@VERSIONS
def test_a_look_up_over_tcp_is_told_as_one_over_udp(v6: bool) -> None:
    ends = both(OVER_TCP, v6)
    connection = Connection(Wire(), ends).open().send(framed(QUERY)).hear(framed(ANSWER)).finish()
    flows, lookups = connection.wire.tell()
    assert [(lookup.resolver, lookup.host, lookup.addresses) for lookup in lookups] == [
        (Endpoint(ends.far, 53), HOST, TOLD)
    ]
    (flow,) = flows
    assert (flow.protocol, flow.remote.port, flow.evidence, flow.phase) == ("tcp", 53, None, None)


def test_over_tcp_messages_may_be_cut_anywhere_and_several_may_come_at_once() -> None:
    other = query("invites.tryretool.com", id=9)
    sent, heard = framed(QUERY, other.to_wire()), framed(answer(other), ANSWER)
    for at in range(1, len(heard)):
        connection = Connection(Wire(), OVER_TCP).open().send(sent[: at // 2 + 1], sent[at // 2 + 1 :])
        connection.hear(heard[:at]).hear(heard[at:])
        assert [lookup.host for lookup in connection.wire.lookups()] == ["invites.tryretool.com", HOST], at


def test_over_tcp_what_is_sent_again_counts_once_and_a_gap_costs_no_more_than_its_message() -> None:
    connection = Connection(Wire(), OVER_TCP).open()
    first = connection.part(framed(QUERY)[:10])
    connection.wire.take(first, first, connection.part(framed(QUERY)[10:], 10), connection.part(framed(QUERY), 0))
    heard = framed(ANSWER)
    connection.hear(heard[:20])
    connection.theirs -= 20
    connection.hear(heard[:20]).hear(heard[20:])
    connection.theirs -= len(heard)
    connection.hear(heard)
    assert [lookup.failure for lookup in connection.wire.lookups(SILENCE_US)] == [None]
    connection.send(framed(QUERY)[:9]).hear(heard[:9])
    connection.ours += 500
    connection.theirs += 500
    connection.send(framed(QUERY)).hear(heard)
    assert [lookup.failure for lookup in connection.wire.lookups(SILENCE_US)] == [None]


def test_a_connection_to_a_resolver_that_was_there_before_is_heard_too() -> None:
    connection = Connection(Wire(), OVER_TCP).send(framed(QUERY)).hear(framed(ANSWER))
    assert [lookup.addresses for lookup in connection.wire.lookups()] == [TOLD]


def test_what_a_nameserver_of_ours_is_asked_and_answers_is_no_look_up() -> None:
    served = Packet(UDP, far_port=40_000, near_port=53)
    assert Wire().take(ask(by=served).incoming(), replace(reply(by=served), outgoing=True)).tell(SILENCE_US) == ([], [])


def test_our_own_look_ups_are_left_out() -> None:
    ours = frozenset({Endpoint(OVER_UDP.near, OVER_UDP.near_port)})
    wire = Wire(ours).take(ask(), reply())
    Connection(wire, OVER_TCP).open().send(framed(QUERY)).hear(framed(ANSWER))
    assert wire.tell(SILENCE_US) == ([], [])


def test_what_is_no_query_begins_nothing() -> None:
    assert Wire().take(ask(b"\x00" * 60), ask(ANSWER), ask(b"")).tell(SILENCE_US) == ([], [])


def test_of_too_many_queries_the_oldest_are_waited_for_no_longer() -> None:
    wire = Wire()
    asked = [query(id=number) for number in range(QUERIES_MAX + 9)]
    wire.take(*(ask(each.to_wire()) for each in asked), apart_us=0)
    assert len(wire.flows._lookups._queries) == QUERIES_MAX
    wire.take(reply(answer(asked[8])), reply(answer(asked[9])))
    assert len(wire.lookups()) == 1
    assert len(wire.lookups(SILENCE_US)) == QUERIES_MAX - 1


def test_messages_over_tcp_that_are_never_finished_are_bounded_and_hinder_no_other() -> None:
    wire = Wire()
    for number in range(2 * STREAMS_MAX):
        Connection(wire, replace(OVER_TCP, near_port=1_024 + number)).send(b"\xff\xff" + bytes(1_000))
    assert len(wire.flows._lookups._streams) <= STREAMS_MAX
    connection = Connection(wire, OVER_TCP).open().send(framed(QUERY)[:5], framed(QUERY)[5:])
    assert [lookup.addresses for lookup in connection.hear(framed(ANSWER)).wire.lookups()] == [TOLD]
    connection.finish()
    assert not any(key[0].endswith(b"\x9c\x40\x00\x35") for key in wire.flows._lookups._streams)
