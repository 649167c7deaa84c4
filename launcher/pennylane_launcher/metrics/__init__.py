"""Metrics for Prometheus: what `make metrics` serves (docs/metrics.md)."""
