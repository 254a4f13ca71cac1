"""Say numbers of bytes for people. Pure."""

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size_text(count: int) -> str:
    """Bytes in decimal units and three digits at most: `512 B`, `2.1 kB`, `48.2 MB`."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    shown = f"{value:.0f}" if unit == 0 or value >= 99.95 else f"{value:.1f}"
    return f"{shown} {_UNITS[unit]}"
