"""The shapes in which the API shows rows."""
