"""What comes out of observations: rows, verdicts, alerts. No sockets, no clock, no disk."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.collector.build import allowlist, look, pipeline
from tests.collector.kernel import end
from tui.config.errors import ConfigError
from tui.history.batch import Run
from tui.model.alert import Alert, Urgency
from tui.model.connection import Connection, Endpoint, Evidence, Origin, Outcome, Process, Verdict
from tui.model.observation import Dump, Owner, Sighting, Socket, SocketState
from tui.names.forward import Found, Missed

SECOND = 1_000_000
NAMESPACE = "net:[1]"
LICENSING = "licensing.tryretool.com"
RUN = Run(1, 10 * SECOND, 500 * SECOND, None, None, "foreground", 1, "ana", "0")


class Recording:
    """A pipeline with what it has said so far, by id, latest last."""

    def __init__(self, *, settled: bool = True, rules: str = "") -> None:
        self.settled = settled
        self.connections: dict[int, Connection] = {}
        self.alerts: dict[int, Alert] = {}
        self._port = 40000
        self.pipeline = pipeline(rules, settled=lambda: self.settled)

    def at(self, second: float, *destinations: str, role: str | None = "api", state: str = "established",
           owned: bool = True) -> None:  # fmt: skip
        """A look at that second, at sockets to these ``ip:port`` from always the same local ports."""
        sockets = []
        for place, destination in enumerate(destinations):
            ip, _, port = destination.rpartition(":")
            remote, local = Endpoint(ip, int(port)), Endpoint("10.0.0.5", 40000 + place)
            pid = 100 if owned and state != "ended" else None
            sockets.append(Socket("tcp", local, remote, SocketState(state), pid))
        owner = Owner(Process(100, "node", "retool", SECOND), Origin(NAMESPACE, role))
        dump = Dump(round(second * SECOND), NAMESPACE, tuple(sockets), frozenset(), {100: owner}, 0)
        self.pipeline.observe(look(dump))
        self.take()

    def named(self, second: float, host: str, *addresses: str, ttl_s: float = 300) -> None:
        """A look-up answered at that second."""
        self.pipeline.learn(Found(host, addresses, ttl_s, round(second * SECOND)), NAMESPACE)
        self.take()

    def take(self) -> None:
        batch = self.pipeline.take()
        self.connections |= {id: connection for id, (connection, _) in batch.connections.items()}
        self.alerts |= batch.alerts

    @property
    def only(self) -> Connection:
        (connection,) = self.connections.values()
        return connection

    @property
    def only_alert(self) -> Alert:
        (alert,) = self.alerts.values()
        return alert


def begun(*, settled: bool = True, rules: str = "") -> Recording:
    recording = Recording(settled=settled, rules=rules)
    recording.at(10)
    return recording


@pytest.mark.parametrize(
    ("host", "category"),
    [
        (LICENSING, "License checks"),
        ("invites.tryretool.com", "Inviting users"),
        ("email-service.retool.com", "Inviting users"),
        ("p.tryretool.com", "Usage reporting"),
    ],
)
def test_the_hosts_of_the_egress_page_are_labelled_and_allowed(host: str, category: str) -> None:
    recording = begun()
    recording.named(10, host, "203.0.113.10")
    recording.at(11, "203.0.113.10:443")
    found = recording.only
    assert (found.name.host, found.name.evidence, found.label.category) == (host, Evidence.FORWARD, category)
    assert found.judgement.verdict is Verdict.ALLOWED
    assert recording.alerts == {}


def test_an_ai_provider_is_labelled_off_the_list_and_waits_for_the_review() -> None:
    recording = begun()
    recording.named(10, "api.openai.com", "203.0.113.14")
    recording.at(11, "203.0.113.14:443", role="workflows-worker")
    assert (recording.only.label.category, recording.only.judgement.verdict) == ("Retool AI", Verdict.OFF_ALLOWLIST)
    alert = recording.only_alert
    assert (alert.urgency, alert.role, alert.destination) == (Urgency.REVIEW, "workflows-worker", "api.openai.com")


def test_a_public_address_that_no_name_explains_is_loud() -> None:
    recording = begun()
    recording.at(11, "203.0.113.77:443")
    assert recording.only.label.category == "Not recognised"
    assert recording.only_alert.urgency is Urgency.ACT_NOW
    assert "no name explains" in recording.only_alert.summary


def test_a_denied_destination_is_loud_although_another_rule_allows_it() -> None:
    recording = begun(rules=f'[[deny]]\nhost = "{LICENSING}"\n')
    recording.named(10, LICENSING, "203.0.113.10")
    recording.at(11, "203.0.113.10:443")
    assert recording.only.judgement.verdict is Verdict.OFF_ALLOWLIST
    assert recording.only_alert.urgency is Urgency.ACT_NOW


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254"])
def test_cloud_metadata_is_judged_although_its_network_is_internal_and_it_is_loud(address: str) -> None:
    recording = begun()
    recording.at(11, f"{address}:80")
    assert recording.only.label.category == "Cloud metadata"
    assert recording.only_alert.urgency is Urgency.ACT_NOW


def test_an_internal_address_is_recorded_and_not_judged() -> None:
    recording = begun()
    recording.at(11, "10.9.8.7:5432")
    assert (recording.only.judgement.verdict, recording.only.label.category) == (Verdict.INTERNAL, "Internal")
    assert recording.alerts == {}


def test_several_connections_to_one_destination_of_one_role_are_one_counted_alert() -> None:
    recording = begun()
    recording.named(10, "api.openai.com", "203.0.113.14", "203.0.113.15")
    recording.at(11, "203.0.113.14:443", "203.0.113.15:443")
    recording.at(13, "203.0.113.14:443", "203.0.113.15:443", "203.0.113.15:443")
    alert = recording.only_alert
    assert (alert.count, alert.first_us, alert.last_us) == (3, 11 * SECOND, 13 * SECOND)


def test_two_roles_are_two_alerts() -> None:
    recording = begun()
    recording.named(10, "api.openai.com", "203.0.113.14")
    recording.at(11, "203.0.113.14:443", role="api")
    recording.at(12)
    recording.at(13, "203.0.113.14:443", role="jobs-runner")
    assert sorted(str(alert.role) for alert in recording.alerts.values()) == ["api", "jobs-runner"]


def test_one_address_with_two_names_shows_both_and_is_allowed_only_because_both_are() -> None:
    recording = begun()
    recording.named(10, LICENSING, "203.0.113.10")
    recording.named(10, "p.tryretool.com", "203.0.113.10")
    recording.at(11, "203.0.113.10:443")
    found = recording.only
    assert found.name.host is None
    assert found.name.candidates == (LICENSING, "p.tryretool.com")
    assert found.label.category == "Retool service (one of licensing.tryretool.com, p.tryretool.com)"
    assert found.judgement.verdict is Verdict.ALLOWED


def test_one_address_with_an_allowed_and_another_name_is_off_the_list() -> None:
    recording = begun()
    recording.named(10, LICENSING, "203.0.113.10")
    recording.named(10, "api.openai.com", "203.0.113.10")
    recording.at(11, "203.0.113.10:443")
    assert recording.only.judgement.verdict is Verdict.OFF_ALLOWLIST
    assert recording.only_alert.urgency is Urgency.REVIEW


def test_two_names_of_one_category_keep_that_category() -> None:
    recording = begun()
    recording.named(10, "invites.tryretool.com", "203.0.113.11")
    recording.named(10, "email-service.retool.com", "203.0.113.11")
    recording.at(11, "203.0.113.11:443")
    assert recording.only.label.category == "Inviting users"


def test_a_documented_range_labels_an_address_without_a_name_and_allows_nothing() -> None:
    recording = begun()
    recording.at(11, "35.92.202.170:443")
    found = recording.only
    assert (found.name.host, found.name.evidence) == (None, Evidence.RANGE)
    assert found.label.category == "Retool service (name unknown)"
    assert found.judgement.verdict is Verdict.OFF_ALLOWLIST


def test_what_an_operators_rule_allows_and_the_catalogue_does_not_know_is_your_resource() -> None:
    recording = begun(rules='[[allow]]\nhost = "api.stripe.com"\n')
    recording.named(10, "api.stripe.com", "203.0.113.30")
    recording.at(11, "203.0.113.30:443")
    assert recording.only.label.category == "Your resources"


def test_an_answer_that_ended_long_ago_names_nothing() -> None:
    recording = begun()
    recording.named(10, LICENSING, "203.0.113.10", ttl_s=5)
    recording.at(200, "203.0.113.10:443")
    assert recording.only.name.host is None


def test_an_address_given_up_by_one_name_belongs_to_the_next_one_only() -> None:
    recording = begun()
    recording.named(10, LICENSING, "203.0.113.10", ttl_s=5)
    recording.named(200, "api.openai.com", "203.0.113.10", ttl_s=5)
    recording.at(201, "203.0.113.10:443")
    assert recording.only.name.host == "api.openai.com"


def test_a_verdict_is_pending_while_a_name_may_come_and_raises_no_alert() -> None:
    recording = begun(settled=False)
    recording.at(11, "203.0.113.10:443")
    assert recording.only.judgement.verdict is Verdict.PENDING
    assert recording.alerts == {}
    recording.named(11.5, LICENSING, "203.0.113.10")
    assert (recording.only.judgement.verdict, recording.only.name.host) == (Verdict.ALLOWED, LICENSING)
    assert recording.alerts == {}


def test_a_verdict_waits_three_seconds_and_no_longer() -> None:
    recording = begun(settled=False)
    recording.at(11, "203.0.113.77:443")
    recording.at(13.9, "203.0.113.77:443")
    assert recording.only.judgement.verdict == "pending"
    recording.at(14, "203.0.113.77:443")
    assert recording.only.judgement.verdict == "off-allowlist"
    assert recording.only_alert.count == 1


def test_thousands_that_wait_are_not_looked_at_again_with_every_look() -> None:
    asked = []

    def settled() -> bool:
        asked.append(1)
        return False

    following, count = pipeline(settled=settled), 1_000
    ends = [end(11, remote=Endpoint(f"203.0.113.{n % 250}", 443 + n), cookie=n + 1) for n in range(count)]
    following.observe(Sighting(11 * SECOND, tuple(ends)))
    for tick in range(1, 50):
        following.observe(Sighting(11 * SECOND + tick * SECOND // 50))
    assert len(asked) < 10 * count


def test_a_connection_that_ends_while_it_waits_still_gets_its_verdict() -> None:
    recording = begun(settled=False)
    recording.at(11, "203.0.113.77:443")
    recording.at(12)
    recording.at(15)
    assert (recording.only.judgement.verdict, recording.only.outcome) == (Verdict.OFF_ALLOWLIST, Outcome.UNKNOWN)
    assert recording.only_alert.count == 1


def test_addresses_open_before_recording_began_are_one_entry_for_the_review_for_each_role() -> None:
    recording = Recording()
    recording.at(10, "203.0.113.77:443", "203.0.113.78:443")
    alert = recording.only_alert
    assert (alert.urgency, alert.count, alert.role) == (Urgency.REVIEW, 2, "api")
    assert "before recording began" in alert.summary


def test_a_new_rule_judges_what_is_open_again_and_ends_its_alert() -> None:
    recording = begun()
    recording.named(10, "api.openai.com", "203.0.113.14")
    recording.at(11, "203.0.113.14:443")
    recording.pipeline.use_allowlist(allowlist('[[allow]]\nhost = "api.openai.com"\n', revision=2), 12 * SECOND)
    recording.take()
    assert recording.only.judgement.verdict is Verdict.ALLOWED
    assert recording.only.judgement.allowlist_revision == 2
    assert not recording.only_alert.is_open
    assert "revision 2" in str(recording.only_alert.resolution)


def test_a_rule_that_is_taken_away_raises_an_alert_for_what_is_open() -> None:
    recording = begun(rules='[[allow]]\nhost = "api.openai.com"\n')
    recording.named(10, "api.openai.com", "203.0.113.14")
    recording.at(11, "203.0.113.14:443")
    recording.pipeline.use_allowlist(allowlist("", revision=2), 12 * SECOND)
    recording.take()
    assert recording.only.judgement.verdict is Verdict.OFF_ALLOWLIST
    assert recording.only_alert.is_open


def test_what_has_ended_keeps_the_verdict_as_of_then() -> None:
    recording = begun()
    recording.named(10, "api.openai.com", "203.0.113.14")
    recording.at(11, "203.0.113.14:443")
    recording.at(12)
    recording.pipeline.use_allowlist(allowlist('[[allow]]\nhost = "api.openai.com"\n', revision=2), 13 * SECOND)
    recording.take()
    assert (recording.only.judgement.verdict, recording.only.judgement.allowlist_revision) == (Verdict.OFF_ALLOWLIST, 1)


def test_a_broken_allowlist_keeps_the_last_one_and_raises_a_coverage_alert_until_it_is_mended() -> None:
    recording = begun()
    recording.named(10, LICENSING, "203.0.113.10")
    recording.pipeline.keep_allowlist(ConfigError(Path("allowlist.toml"), "broken", "Mend it.", 3), 11 * SECOND)
    recording.at(12, "203.0.113.10:443")
    assert recording.only.judgement.verdict is Verdict.ALLOWED
    assert (recording.only_alert.kind, recording.only_alert.is_open) == ("coverage", True)
    assert "allowlist.toml:3" in recording.only_alert.summary
    recording.pipeline.use_allowlist(allowlist("", revision=2), 13 * SECOND)
    recording.take()
    assert not recording.only_alert.is_open


def test_a_source_that_stops_leaves_a_hole_and_one_alert_until_it_works_again() -> None:
    recording = begun()
    recording.pipeline.source_stopped("sockets", "permission denied", 11 * SECOND)
    recording.pipeline.source_stopped("sockets", "permission denied", 12 * SECOND)
    recording.take()
    assert recording.only_alert.count == 1
    recording.pipeline.source_works("sockets", 20 * SECOND)
    recording.at(20)
    assert not recording.only_alert.is_open


def test_names_that_need_not_exist_are_no_fault_and_allowed_ones_that_fail_are_told() -> None:
    recording = begun()
    recording.pipeline.learn(Missed("ai-proxy.retool.com", "the name does not exist", 11 * SECOND), NAMESPACE)
    recording.pipeline.learn(Found("p.tryretool.com", ("203.0.113.13",), 60, 11 * SECOND), NAMESPACE)
    recording.pipeline.take()
    recording.pipeline.learn(Missed("api.cohere.ai", "the name does not exist", 12 * SECOND), NAMESPACE)
    assert recording.pipeline.take().coverage == {}
    recording.pipeline.learn(Missed(LICENSING, "the resolver did not answer", 12 * SECOND), NAMESPACE)
    notes = [span.note for span in recording.pipeline.take().coverage.values() if span.growing]
    assert notes == [f"look-ups of {LICENSING} fail: the resolver did not answer"]


def test_names_are_watched_between_two_answers_too() -> None:
    recording = begun()
    recording.pipeline.learn(Found(LICENSING, ("203.0.113.10",), 3600, 11 * SECOND), NAMESPACE)
    recording.pipeline.take()
    recording.pipeline.beat(RUN)
    reach = {span.source: span.to_us for span in recording.pipeline.take().coverage.values()}
    assert reach["names"] == 500 * SECOND


def test_nothing_is_to_be_written_while_nothing_changes() -> None:
    recording = begun()
    recording.at(11, "203.0.113.77:443")
    dump = Dump(12 * SECOND, NAMESPACE, (
        Socket("tcp", Endpoint("10.0.0.5", 40000), Endpoint("203.0.113.77", 443), SocketState.ESTABLISHED, 100),
    ), frozenset(), {100: Owner(Process(100, "node", "retool", SECOND), Origin(NAMESPACE, "api"))}, 0)  # fmt: skip
    recording.pipeline.observe(look(dump))
    assert not recording.pipeline.take()


def test_an_owner_that_was_not_yet_known_is_waited_for_before_roles_are_judged() -> None:
    recording = begun(rules='[[allow]]\nhost = "api.openai.com"\nroles = ["api"]\n')
    recording.named(10, "api.openai.com", "203.0.113.14")
    recording.at(11, "203.0.113.14:443", owned=False)
    assert recording.only.judgement.verdict is Verdict.PENDING
    recording.at(12, "203.0.113.14:443")
    assert (recording.only.judgement.verdict, recording.only.origin.role) == (Verdict.ALLOWED, "api")
    assert recording.alerts == {}


def test_what_waited_when_the_collector_ended_is_decided_by_it() -> None:
    recording = begun(settled=False)
    recording.at(11, "203.0.113.77:443")
    recording.pipeline.end(RUN)
    recording.take()
    assert recording.only.judgement.verdict is Verdict.OFF_ALLOWLIST
    assert recording.only_alert.count == 1


@pytest.mark.parametrize("outcome", [Outcome.OPEN, Outcome.CLOSED])
def test_what_waited_when_the_collector_was_killed_is_decided_by_the_next_one(outcome: Outcome) -> None:
    killed = begun(settled=False)
    killed.at(11, "203.0.113.77:443")
    after = Recording()
    after.pipeline.resume([replace(killed.only, outcome=outcome)], 20_000_000)
    after.at(20, "203.0.113.77:443")
    assert after.connections[killed.only.id].judgement.verdict is Verdict.OFF_ALLOWLIST
    assert after.alerts


def test_what_is_open_in_a_namespace_that_is_no_longer_watched_ends_nobody_knows_how() -> None:
    before = begun()
    before.at(11, "203.0.113.77:443")
    after = Recording()
    elsewhere = replace(before.only, origin=replace(before.only.origin, namespace="net:[2]"))
    after.pipeline.resume([elsewhere], 20_000_000)
    after.at(20)
    assert (after.only.outcome, after.only.closed_us) == (Outcome.UNKNOWN, None)


def test_a_connection_in_time_wait_keeps_the_verdict_as_of_then() -> None:
    recording = begun()
    recording.named(10, "api.openai.com", "203.0.113.14")
    recording.at(11, "203.0.113.14:443")
    recording.at(12, "203.0.113.14:443", state="ended")
    recording.pipeline.use_allowlist(allowlist('[[allow]]\nhost = "api.openai.com"\n', revision=2), 13 * SECOND)
    recording.take()
    assert (recording.only.judgement.verdict, recording.only.judgement.allowlist_revision) == (Verdict.OFF_ALLOWLIST, 1)


def test_a_deny_rule_makes_what_is_open_and_off_the_list_already_loud() -> None:
    recording = begun()
    recording.named(10, "api.openai.com", "203.0.113.14")
    recording.at(11, "203.0.113.14:443")
    assert recording.only_alert.urgency == "review"
    recording.pipeline.use_allowlist(allowlist('[[deny]]\nhost = "api.openai.com"\n', revision=2), 12 * SECOND)
    recording.take()
    assert recording.only_alert.urgency == "act now"


def test_allowing_the_host_behind_a_bare_address_names_it_and_ends_its_alert() -> None:
    recording = begun()
    recording.at(11, "203.0.113.30:443")
    assert recording.only_alert.urgency is Urgency.ACT_NOW
    recording.pipeline.use_allowlist(allowlist('[[allow]]\nhost = "api.stripe.com"\n', revision=2), 60 * SECOND)
    recording.named(61, "api.stripe.com", "203.0.113.30")
    assert (recording.only.name.host, recording.only.judgement.verdict) == ("api.stripe.com", Verdict.ALLOWED)
    assert not recording.only_alert.is_open


def test_allowing_every_candidate_ends_the_alert_of_their_address() -> None:
    recording = begun()
    recording.named(10, "api.openai.com", "203.0.113.14")
    recording.named(10, "api.anthropic.com", "203.0.113.14")
    recording.at(11, "203.0.113.14:443")
    both = '[[allow]]\nhost = "api.openai.com"\n[[allow]]\nhost = "api.anthropic.com"\n'
    recording.pipeline.use_allowlist(allowlist(both, revision=2), 12 * SECOND)
    recording.take()
    assert not recording.only_alert.is_open


def test_the_review_entry_of_a_role_ends_when_nothing_of_it_is_open_and_off_the_list() -> None:
    recording = Recording()
    recording.at(10, "203.0.113.77:443")
    network = '[[allow]]\nnetwork = "203.0.113.77/32"\n'
    recording.pipeline.use_allowlist(allowlist(network, revision=2), 11 * SECOND)
    recording.take()
    assert not recording.only_alert.is_open


def test_a_rule_that_expires_lets_what_is_open_go_off_the_list() -> None:
    day = 86_400
    recording = begun(rules='[[allow]]\nhost = "api.openai.com"\nexpires = 1970-01-01\n')
    recording.named(10, "api.openai.com", "203.0.113.14", ttl_s=10 * day)
    recording.at(11, "203.0.113.14:443")
    assert recording.only.judgement.verdict == "allowed"
    recording.at(day + 5, "203.0.113.14:443")
    assert recording.only.judgement.verdict == "off-allowlist"
    assert recording.only_alert.is_open
