"""How the log of a proxy is read, in the words that the record has for it."""

FOLLOWING = "following"
WAITING = "waiting for file"
"""There was no such file yet."""
ROTATED = "rotated, waiting"
"""There was one, and no other came in its place yet."""
UNREADABLE = "unreadable: "
"""Before what would help."""
