"""``retool-egress allowlist``: what is allowed, whether a destination is, and the decisions taken with the tool."""

import os
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from tui.cli import EXIT_NO
from tui.cli.context import Context, now_us
from tui.cli.export import FORMATS
from tui.cli.streams import output_stream, terminal_width

if TYPE_CHECKING:
    from tui.allowlist.target import Target


@click.group("allowlist", short_help="What is allowed: show, check, add, remove.")
def allowlist_command() -> None:
    """The rules: Retool's four hosts, allowlist.toml, and the decisions in allowlist.local.toml beside it."""


@allowlist_command.command("show", epilog="Example: retool-egress allowlist show --format markdown")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.pass_obj
def show(context: Context, format_: str) -> None:
    """List the rules in the order in which they were read; a deny rule wins wherever it stands."""
    from tui.output.formats import Format, write_rows
    from tui.output.rules import RULE_COLUMNS, rule_rows

    rows = rule_rows(context.policy.load().rules, now_us())
    with output_stream(None) as stream:
        write_rows(rows, RULE_COLUMNS, Format(format_), stream, terminal_width(None))


@allowlist_command.command("check", epilog="Example: retool-egress allowlist check api.openai.com:443 --role api")
@click.argument("destination", metavar="DEST")
@click.option("--role", help="The Retool service that connects, such as api or jobs-runner.")
@click.pass_obj
def check(context: Context, destination: str, role: str | None) -> None:
    """Say whether DEST (host, host:port, address:port, URL) is allowed, by which rule and why; exit 1 if it is off."""
    from tui.allowlist.rules import Subject
    from tui.allowlist.target import UNNAMED_ADDRESS
    from tui.model.connection import Verdict

    target = _target(destination)
    one_host = target.host is not None and not target.host.startswith("*")
    if not one_host and target.address is None:
        raise click.BadParameter("check one host or address; for the rules: allowlist show", param_hint="DEST")
    subject = Subject(target.host, target.address or UNNAMED_ADDRESS, target.port or 443, role)
    judgement = context.policy.load().judge(subject, now_us())
    click.echo(f"{judgement.verdict}: {target.text(443)}: {judgement.why}")
    if judgement.verdict is Verdict.OFF_ALLOWLIST:
        click.echo(f"To allow it: retool-egress allowlist add {target.text(443)} --reason TICKET", err=True)
        click.get_current_context().exit(EXIT_NO)


@allowlist_command.command("add", epilog="Example: retool-egress allowlist add api.openai.com --reason CHG-4711")
@click.argument("destination", metavar="DEST")
@click.option("--reason", required=True, help="Why: a ticket, or a sentence.")
@click.option("--port", "ports", type=click.IntRange(1, 65535), multiple=True, help="443 where none is given.")
@click.option("--role", "roles", multiple=True, help="Only for this Retool service; may be given again.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it holds: 2027-01-31.")
@click.option("--deny", is_flag=True, help="Deny instead of allow; a deny rule wins.")
@click.pass_obj
def add(context: Context, /, destination: str, **given: object) -> None:
    """Write a rule for DEST (a host, *.host, an address or a network) into allowlist.local.toml."""
    from tui.allowlist.edit import add_rule
    from tui.model.person import who
    from tui.model.times import iso_utc

    target = _target(destination)
    roles = given["roles"]
    path, action = context.policy.local_file, "deny" if given["deny"] else "allow"
    ports, expires = _ports(given["ports"], target), _last_day(given["expires"])
    roles = roles if isinstance(roles, tuple) else ()
    same = (action, target.host, target.network, ports or (() if given["deny"] else (443,)), roles, expires)
    for rule in context.policy.load().rules:
        network = str(rule.network) if rule.network else None
        if (rule.action, rule.host, network, rule.ports, rule.roles, rule.expires) == same:
            click.echo(f"Nothing to do, this rule is there already: {rule}")
            return
    add_rule(
        path,
        action=action,
        host=target.host,
        network=target.network,
        ports=ports,
        roles=roles,
        expires=expires,
        reason=_reason(str(given["reason"])),
        by=who(os.environ),
        at=iso_utc(now_us()),
    )
    click.echo(f"{path}: {action} {target.text(None)}. A running collector uses it within a second.")


@allowlist_command.command("remove", epilog="Example: retool-egress allowlist remove api.openai.com")
@click.argument("destination", metavar="DEST")
@click.pass_obj
def remove(context: Context, destination: str) -> None:
    """Take the rules for DEST out of allowlist.local.toml; rules of other files are named, not touched."""
    from tui.allowlist.edit import remove_rule

    target = _target(destination)
    policy = context.policy
    fitting = [
        rule
        for rule in policy.load().rules
        if (rule.host, str(rule.network) if rule.network else None) == (target.host, target.network)
        and (target.port is None or target.port in rule.ports)
    ]
    local = policy.local_file
    ours = sorted(
        (rule for rule in fitting if rule.source == local.name), key=lambda rule: rule.line or 0, reverse=True
    )
    removed = [rule for rule in ours if remove_rule(local, rule)]  # from below, so that lines above stay where they are
    for rule in removed:
        click.echo(f"{policy.local_file}: removed {rule}")
    for rule in fitting:
        if rule not in removed:
            click.echo(f"{rule} stays: it does not stand in {policy.local_file.name}. To overrule it: "
                       f"retool-egress allowlist add {target.text(None)} --deny --reason TICKET", err=True)  # fmt: skip
    if not removed:
        if not fitting:
            click.echo(f"no rule for {target.text(None)}; see: retool-egress allowlist show", err=True)
        click.get_current_context().exit(EXIT_NO)


def _target(text: str) -> "Target":
    from tui.allowlist.target import parse_target

    try:
        return parse_target(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="DEST") from error


def _ports(given: object, target: "Target") -> tuple[int, ...] | None:
    ports = tuple(given) if isinstance(given, tuple) else ()
    if ports and target.port is not None:
        told = f"{target.text(None)} names a port already; leave one of them out"
        raise click.BadParameter(told, param_hint="--port")
    return ports or ((target.port,) if target.port is not None else None)


def _last_day(value: object) -> date | None:
    if not isinstance(value, datetime):
        return None
    if value.date() < datetime.now(UTC).date():
        told = f"{value.date()} is over, so the rule would never hold; name today or a later day"
        raise click.BadParameter(told, param_hint="--expires")
    return value.date()


def _reason(text: str) -> str:
    from tui.model.text import clean

    if not text.strip():
        raise click.BadParameter("say why, in a word at least", param_hint="--reason")
    return clean(text.strip(), 500)
