"""Which names an address has had, and look-ups ahead of time. Knows ``model`` only; judges nothing."""
