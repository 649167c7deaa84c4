"""What is wrong with the warehouse, and who is told."""
