"""A witness by C2SP tlog-witness: a folder, a key, the logs that it cosigns. It knows nothing of channels and messages."""
