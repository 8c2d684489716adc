"""The HTTP API: the commands, with a token. docs/operators.md, "The API"."""
