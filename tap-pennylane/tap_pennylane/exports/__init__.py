"""Files that Pennylane makes on order: ordering and downloading them, and reading their rows."""
