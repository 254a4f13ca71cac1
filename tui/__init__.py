"""Watch what a self-hosted Retool sends out: sockets, names, verdicts, history."""

__version__ = "0.1.0"
