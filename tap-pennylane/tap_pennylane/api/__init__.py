"""Pennylane's API: requests within the rate limit, pages, lists. Knows nothing about Singer."""
