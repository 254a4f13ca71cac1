"""Names in what clients send: real ClientHellos, requests to proxies, DNS messages."""

import ssl

import dns.message
import dns.rcode
import dns.rrset
import pytest

from tui.capture.client_hello import MORE, Hello, read_hello
from tui.capture.dns_message import read_message
from tui.capture.http_head import Asked, read_request, read_status
from tui.model.lookup_failure import NO_SUCH_NAME

HOST = "licensing.tryretool.com"


def hello(name: str | None) -> bytes:
    """What a client of Python's ssl sends first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(inward, outward, server_hostname=name).do_handshake()
    return outward.read()


def in_records(stream: bytes, size: int) -> bytes:
    """The same handshake in records of so many bytes (RFC 8446 §5.1)."""
    body = stream[5:]
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"\x16\x03\x01" + len(part).to_bytes(2) + part for part in parts)


def test_the_server_name_of_a_client_hello_is_told() -> None:
    assert read_hello(hello(HOST)) == Hello(HOST, False)


def test_a_client_that_names_no_server_is_told_to_name_none() -> None:
    assert read_hello(hello(None)) == Hello(None, False)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_hello_in_many_records_is_put_together(size: int) -> None:
    assert read_hello(in_records(hello(HOST), size)) == Hello(HOST, False)


def test_a_part_of_a_hello_needs_more_wherever_it_is_cut() -> None:
    whole = hello(HOST)
    assert {read_hello(whole[:at]) for at in range(1, len(whole))} == {MORE}


def test_an_encrypted_hello_is_marked_as_the_outer_one() -> None:
    whole = bytearray(hello(HOST))
    added = b"\xfe\x0d\x00\x01\x00"
    at = whole.index(HOST.encode()) - 11  # where the length of all extensions stands
    while int.from_bytes(whole[at : at + 2]) != len(whole) - at - 2:
        at -= 1
    whole[at : at + 2] = (len(whole) - at - 2 + len(added)).to_bytes(2)
    whole += added
    whole[3:5] = (len(whole) - 5).to_bytes(2)
    whole[6:9] = (len(whole) - 9).to_bytes(3)
    assert read_hello(bytes(whole)) == Hello(HOST, True)


@pytest.mark.parametrize("stream", [b"GET / HTTP/1.1\r\n\r\n", b"\x17\x03\x03\x00\x01x", b"\x16\x03\x01\x00\x01\x02"])
def test_what_is_no_hello_is_none(stream: bytes) -> None:
    assert read_hello(stream) is None


def test_a_name_with_an_escape_sequence_is_shown_inert_and_fits_no_rule() -> None:
    forged = hello("x" * 10).replace(b"x" * 10, b"\x1b[31mevil.")
    found = read_hello(forged)
    assert isinstance(found, Hello)
    assert found.host is not None
    assert found.host.isprintable()
    assert found.host.startswith("\\")


@pytest.mark.parametrize(
    ("request_bytes", "asked"),
    [
        (
            b"CONNECT api.stripe.com:443 HTTP/1.1\r\nHost: other.example\r\n\r\n",
            Asked("connect", "api.stripe.com", 443),
        ),
        (b"CONNECT me:secret@API.Stripe.com.:8443 HTTP/1.1\r\n\r\n", Asked("connect", "api.stripe.com", 8443)),
        (b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n", Asked("connect", "2001:db8::1", 443)),
        (
            b"GET http://u@a.example/x?s=1 HTTP/1.1\r\nHost: b.example\r\n\r\n",
            Asked("absolute", "a.example", 80),
        ),
        (b"GET /x HTTP/1.1\r\nAccept: */*\r\nhost:  A.example:80\r\n\r\n", Asked("origin", "a.example", 80)),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", Asked("origin", None, 80)),
        (b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", Asked("origin", None, 80)),
    ],
)
def test_whom_a_request_is_for_is_told_by_its_target_before_its_headers(request_bytes: bytes, asked: Asked) -> None:
    assert read_request(request_bytes) == asked


def test_a_request_without_its_end_needs_more() -> None:
    assert read_request(b"GET / HTTP/1.1\r\nHost: a.exam") is MORE
    assert read_request(b"CONNECT api.str") is MORE


def test_a_status_is_read_and_nothing_else_is_one() -> None:
    assert read_status(b"HTTP/1.1 403 Forbidden\r\n") == 403
    assert read_status(b"HTTP/2 200\r\n") is None


def answer(*records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    """An answer to a question for the host's address with these records, each "name ttl kind value"."""
    reply = dns.message.make_response(dns.message.make_query(f"{HOST}.", "A"))
    reply.set_rcode(rcode)
    for record in records:
        name, ttl, kind, value = record.split()
        reply.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, value))
    return reply.to_wire()


def test_an_answer_leads_over_its_aliases_to_the_name_that_was_asked_and_keeps_the_least_ttl() -> None:
    found = read_message(answer(f"{HOST}. 60 CNAME a.cdn.example.", "a.cdn.example. 300 A 203.0.113.10"))
    assert found is not None
    assert (found.host, found.kind, found.addresses, found.failure) == (HOST, "A", (("203.0.113.10", 60.0),), None)


def test_a_record_of_another_name_in_an_answer_counts_for_nothing() -> None:
    found = read_message(answer("other.example. 60 A 203.0.113.66"))
    assert found is not None
    assert found.addresses == ()


def test_aliases_that_go_round_give_no_address() -> None:
    found = read_message(answer(f"{HOST}. 60 CNAME b.example.", f"b.example. 60 CNAME {HOST}."))
    assert found is not None
    assert found.addresses == ()


def test_a_name_that_does_not_exist_is_a_failure_in_words() -> None:
    found = read_message(answer(rcode=dns.rcode.NXDOMAIN))
    assert found is not None
    assert found.failure == NO_SUCH_NAME


@pytest.mark.parametrize("cut", [0, 5, 16, 20])
def test_a_message_that_is_cut_is_none(cut: int) -> None:
    assert read_message(answer(f"{HOST}. 60 A 203.0.113.10")[:cut]) is None
