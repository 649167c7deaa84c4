"""Singer mapper that converts names to snake_case and cleans texts."""
