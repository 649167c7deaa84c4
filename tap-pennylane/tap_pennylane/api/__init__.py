"""Pennylane's API: requests within the budget, pages, lists. It knows nothing of Singer."""
