"""Configuration: from TOML files to frozen values, with the file and line of every fault."""
