"""The made-up company: its books, and how they are created."""
