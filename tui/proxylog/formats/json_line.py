"""Lines that are JSON. Pure."""

import msgspec


def json_object(line: bytes) -> dict[str, object] | None:
    """The JSON object that a line is; bytes that are no UTF-8 are replaced."""
    if not line.startswith(b"{"):
        return None
    try:
        tree = msgspec.json.decode(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None
