"""The books in the browser: pages over the views in PostgreSQL."""
