"""One module a revision; once released it never changes."""
