"""Decides what to read of a stream in a run, reads it by scan or changelog, and sends it."""
