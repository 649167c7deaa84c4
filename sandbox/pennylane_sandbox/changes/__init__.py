"""Changing the books on order, and writing down what changed."""
