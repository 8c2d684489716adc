"""How spec/vectors/ is made; `tests/make_vectors.py` writes it."""
