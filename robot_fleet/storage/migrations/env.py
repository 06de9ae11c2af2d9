"""What Alembic runs: the revisions on the connection that `storage/migrating.py` gives, within its transaction."""

from alembic import context

# SQLite can undo changes of its tables too; Alembic doubts that, since Python's sqlite3 used to be in the way.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
