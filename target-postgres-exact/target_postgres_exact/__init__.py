"""target-postgres with exact decimals, and faster; deleted rows keep their contents."""
