"""Runs of the pipeline: starts, watches, explains and schedules them."""
