"""The form in which the API shows rows."""
