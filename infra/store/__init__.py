"""The store: MySQL or SQLite through SQLAlchemy."""
