"""JSON Schema files of the Firm API's streams, generated like those of the Company API."""
