"""Exports, files that Pennylane creates on request: ordering, downloading and reading them."""
