"""Whether an attempt reached a service that Retool uses. Pure; counts and raises nothing."""

from tui.catalog import CLOUD_METADATA, Basis, Catalogue, Service
from tui.model.connection import Connection


def reached(connection: Connection) -> bool | None:
    """Whether the far side answered; None while it cannot be told.

    A byte from it is an answer, whatever came after, unless a proxy says that the byte was its own. Where bytes are
    not known, an orderly end of a TCP connection is one too.
    """
    if connection.failed:
        return False
    silent_flow = connection.protocol == "udp" and not connection.bytes_received
    return True if connection.reached and not silent_flow else None


def services_of(connection: Connection, catalogue: Catalogue) -> tuple[Service, ...]:
    """The services of Retool, or used by it, that the destination may be; none if it may be anything else.

    The operator's own entries count only when they state a cadence.
    """
    service = connection.label.service
    if service is not None:
        found = [catalogue.service(service)]
    else:
        found = [catalogue.by_host(host, connection.remote.port) for host in connection.name.candidates]
    own = tuple(service for service in found if service is not None and is_watched(service))
    return tuple(dict.fromkeys(own)) if len(own) == len(found) else ()


def is_watched(service: Service) -> bool:
    """True if Retool needs it; of the operator's own entries, if they state a cadence."""
    operators = service.basis is Basis.OPERATOR and service.cadence_s is None
    return not operators and service.category != CLOUD_METADATA


def is_or_are(category: str) -> str:
    """The verb after a category: License checks are, Inviting users is."""
    last = category.rpartition(" or ")[2]
    return "are" if last.endswith("s") and not last.split()[0].endswith("ing") else "is"
