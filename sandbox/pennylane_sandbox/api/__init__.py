"""The API: its endpoints, its dialect, its manners."""
