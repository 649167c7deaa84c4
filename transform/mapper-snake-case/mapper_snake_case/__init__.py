"""Singer mapper that puts names into snake_case and tidies text."""
