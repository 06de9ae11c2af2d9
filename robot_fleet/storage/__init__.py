"""Store folders and maps in and out; journal and state in a database."""
