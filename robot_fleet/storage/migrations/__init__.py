"""How databases of older layouts become what this version reads; run by `storage/migrating.py` with Alembic."""
