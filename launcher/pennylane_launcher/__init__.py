"""Runs the Meltano pipeline with an embedded PostgreSQL and reports what landed."""
