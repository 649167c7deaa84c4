"""The API: its endpoints, query parameters and behaviour."""
