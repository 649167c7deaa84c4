"""Changing the books on request, and recording what changed."""
