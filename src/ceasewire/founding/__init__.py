"""Founding a channel: the acts that make a node and a charter, as the command line does them, and the pages that do the same."""
