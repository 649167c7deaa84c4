"""PostgreSQL: the embedded server, or the one that `.env` names."""
