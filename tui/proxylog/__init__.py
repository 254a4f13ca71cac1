"""Proxy logs: following files, and reading what proxies write. Knows ``model`` only."""
