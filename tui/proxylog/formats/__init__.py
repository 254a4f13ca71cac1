"""One module a proxy: from the bytes of a line to what it tells."""
