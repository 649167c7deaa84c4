"""Health checks and alerts: what is wrong with the warehouse, and who is told."""
