"""The SQLite file that the collector writes and everything else reads."""
